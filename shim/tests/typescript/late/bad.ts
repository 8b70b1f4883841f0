class A {
  @log f() {}
}
