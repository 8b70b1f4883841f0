# Stops FetchContent from cloning simde: Debian's `libsimde-dev` installs the headers here.
set(FETCHCONTENT_SOURCE_DIR_SIMDE "/usr/include" CACHE PATH "" FORCE)
