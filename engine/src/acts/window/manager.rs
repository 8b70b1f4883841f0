//! What there is on a display, and what is asked of its window manager, where one is there that follows
//! the Extended Window Manager Hints; else windows are taken as the display has them.

use std::borrow::Cow;

use x11rb_protocol::protocol::xproto::{
    Atom, AtomEnum, ClientMessageEvent, ConfigureWindowAux, ConfigureWindowRequest, EventMask,
    GetGeometryRequest, GetInputFocusRequest, GetPropertyReply, GetPropertyRequest,
    GetWindowAttributesRequest, InputFocus, InternAtomRequest, MapState, QueryTreeRequest,
    SendEventRequest, SetInputFocusRequest, Setup, StackMode, TranslateCoordinatesRequest,
    WindowClass,
};
use x11rb_protocol::x11_utils::Serialize;

use super::connection::{Display, DisplayError};

/// The most characters of a title, and of a class.
const MAX_TEXT: usize = 256;

/// Four bytes each: the most of a text, and of a list, that are asked for.
const TEXT_UNITS: u32 = 256;
const LIST_UNITS: u32 = 1024;

/// The most windows that are looked at where there is no manager to tell them.
pub(super) const MAX_LOOKED_AT: usize = 1024;

/// Of whom a request comes: of one that acts for whoever sits there (`_NET_ACTIVE_WINDOW`).
const FOR_THE_USER: u32 = 2;

type Result<T> = std::result::Result<T, DisplayError>;

/// The first screen of a display.
#[derive(Debug)]
pub(super) struct Screen {
    display: Display,
    root: u32,
    names: Names,
    /// What the manager says it follows; `None` where there is none.
    follows: Option<Vec<Atom>>,
}

/// Numbers of names on this display; 0 for one that nobody has used.
#[derive(Debug, Default)]
struct Names {
    active_window: Atom,
    client_list: Atom,
    stacking_list: Atom,
    close_window: Atom,
    delete_window: Atom,
    place_window: Atom,
    protocols: Atom,
    utf8: Atom,
    wm_name: Atom,
}

impl Screen {
    pub(super) fn of((mut display, setup): (Display, Setup)) -> Result<Self> {
        let root = setup.roots.first().ok_or(DisplayError::Nonsense)?.root;
        let mut name = |name: &str| {
            let name = Cow::Borrowed(name.as_bytes());
            let known = display.ask(InternAtomRequest {
                only_if_exists: true,
                name,
            })?;
            Ok(known.map_or(0, |reply| reply.atom))
        };
        let names = Names {
            active_window: name("_NET_ACTIVE_WINDOW")?,
            client_list: name("_NET_CLIENT_LIST")?,
            stacking_list: name("_NET_CLIENT_LIST_STACKING")?,
            close_window: name("_NET_CLOSE_WINDOW")?,
            delete_window: name("WM_DELETE_WINDOW")?,
            place_window: name("_NET_MOVERESIZE_WINDOW")?,
            protocols: name("WM_PROTOCOLS")?,
            utf8: name("UTF8_STRING")?,
            wm_name: name("_NET_WM_NAME")?,
        };
        let (check, supported) = (name("_NET_SUPPORTING_WM_CHECK")?, name("_NET_SUPPORTED")?);
        let mut screen = Self {
            display,
            root,
            names,
            follows: None,
        };
        // A manager that is gone leaves the first of the two behind.
        let window = screen.list(root, check, AtomEnum::WINDOW.into(), 1)?;
        if let Some(&window) = window.first()
            && screen.list(window, check, AtomEnum::WINDOW.into(), 1)? == [window]
        {
            let all = screen.list(root, supported, AtomEnum::ATOM.into(), LIST_UNITS)?;
            screen.follows = Some(all);
        }
        Ok(screen)
    }

    /// The windows there may be, as many as are looked at: the highest last, or where a manager does not tell
    /// how they lie the last that were opened.
    pub(super) fn candidates(&mut self) -> Result<Vec<u32>> {
        if let Some(list) = self.told_list() {
            let mut all = self.list_end(self.root, list, AtomEnum::WINDOW.into())?;
            all.dedup();
            return Ok(all);
        }
        let window = self.root;
        let tree = self.display.ask(QueryTreeRequest { window })?;
        let mut all = tree.ok_or(DisplayError::Nonsense)?.children;
        Ok(all.split_off(all.len().saturating_sub(MAX_LOOKED_AT)))
    }

    /// Whether a candidate is a window as whoever sits there knows them.
    pub(super) fn is_shown(&mut self, window: u32) -> Result<bool> {
        // The manager tells no other.
        if self.told_list().is_some() {
            return Ok(true);
        }
        let attributes = self.display.ask(GetWindowAttributesRequest { window })?;
        Ok(attributes.is_some_and(|one| {
            one.map_state == MapState::VIEWABLE
                && one.class == WindowClass::INPUT_OUTPUT
                && !one.override_redirect
        }))
    }

    /// The window that takes what is typed; 0 for none.
    pub(super) fn focused(&mut self) -> Result<u32> {
        if self.follows(self.names.active_window) {
            let active = self.names.active_window;
            let window = self.list(self.root, active, AtomEnum::WINDOW.into(), 1)?;
            return Ok(window.first().copied().unwrap_or_default());
        }
        let focus = self.display.ask(GetInputFocusRequest)?;
        Ok(focus.map_or(0, |reply| reply.focus))
    }

    /// The second part of `WM_CLASS`; `None` of a window that is gone.
    pub(super) fn class(&mut self, window: u32) -> Result<Option<String>> {
        let class = self.property(window, AtomEnum::WM_CLASS.into(), 0, TEXT_UNITS)?;
        Ok(class.map(|class| {
            let mut parts = class.value.split(|byte| *byte == 0);
            text(&decoded(parts.nth(1).unwrap_or_default()))
        }))
    }

    /// Its title, or nothing.
    pub(super) fn title(&mut self, window: u32) -> Result<String> {
        if self.names.wm_name != 0 {
            let (name, utf8) = (self.names.wm_name, self.names.utf8);
            let title = self.property(window, name, utf8, TEXT_UNITS)?;
            if let Some(title) = title.filter(|title| title.format == 8 && !title.value.is_empty())
            {
                return Ok(text(&String::from_utf8_lossy(&title.value)));
            }
        }
        let title = self.property(window, AtomEnum::WM_NAME.into(), 0, TEXT_UNITS)?;
        Ok(title.map_or_else(String::new, |title| text(&decoded(&title.value))))
    }

    /// Where it is on the screen, and how large; `None` of a window that is gone.
    pub(super) fn shape(&mut self, window: u32) -> Result<Option<(i16, i16, u16, u16)>> {
        let Some(shape) = self.display.ask(GetGeometryRequest { drawable: window })? else {
            return Ok(None);
        };
        // A manager may have put it into a frame.
        let place = self.display.ask(TranslateCoordinatesRequest {
            src_window: window,
            dst_window: self.root,
            src_x: 0,
            src_y: 0,
        })?;
        Ok(place.map(|place| (place.dst_x, place.dst_y, shape.width, shape.height)))
    }

    /// Has a window take what is typed; whether the display took that.
    pub(super) fn focus(&mut self, window: u32) -> Result<bool> {
        if self.follows(self.names.active_window) {
            let kind = self.names.active_window;
            return self.ask_manager(window, kind, [FOR_THE_USER, 0, 0, 0, 0]);
        }
        let focused = self.display.tell(SetInputFocusRequest {
            revert_to: InputFocus::POINTER_ROOT,
            focus: window,
            time: 0,
        })?;
        let raise = ConfigureWindowAux::new().stack_mode(StackMode::ABOVE);
        Ok(focused && self.configure(window, raise)?)
    }

    /// Puts a window elsewhere or gives it another size; whether the display took that.
    pub(super) fn place(
        &mut self,
        window: u32,
        (x, y): (Option<i16>, Option<i16>),
        (width, height): (Option<u16>, Option<u16>),
    ) -> Result<bool> {
        let (x, y) = (x.map(i32::from), y.map(i32::from));
        let (width, height) = (width.map(u32::from), height.map(u32::from));
        if self.follows(self.names.place_window) {
            let given = [x.is_some(), y.is_some(), width.is_some(), height.is_some()];
            // Which of the four are given, from bit 8 on; who asks, from bit 12 on.
            let given = given
                .iter()
                .zip(8..)
                .map(|(given, bit)| u32::from(*given) << bit);
            let flags = given.sum::<u32>() | FOR_THE_USER << 12;
            let place = |value: Option<i32>| value.unwrap_or_default().cast_unsigned();
            let data = [
                flags,
                place(x),
                place(y),
                width.unwrap_or_default(),
                height.unwrap_or_default(),
            ];
            return self.ask_manager(window, self.names.place_window, data);
        }
        let shape = ConfigureWindowAux {
            x,
            y,
            width,
            height,
            ..ConfigureWindowAux::default()
        };
        self.configure(window, shape)
    }

    /// Asks a window to close; false where it takes no such request. Its program is never killed.
    pub(super) fn close(&mut self, window: u32) -> Result<bool> {
        if self.follows(self.names.close_window) {
            let kind = self.names.close_window;
            return self.ask_manager(window, kind, [0, FOR_THE_USER, 0, 0, 0]);
        }
        let (protocols, delete) = (self.names.protocols, self.names.delete_window);
        let taken = self.list(window, protocols, AtomEnum::ATOM.into(), LIST_UNITS)?;
        if delete == 0 || !taken.contains(&delete) {
            return Ok(false);
        }
        let event = ClientMessageEvent::new(32, window, protocols, [delete, 0, 0, 0, 0]);
        self.send(window, EventMask::NO_EVENT, event)
    }

    fn configure(&mut self, window: u32, how: ConfigureWindowAux) -> Result<bool> {
        self.display.tell(ConfigureWindowRequest {
            window,
            value_list: Cow::Owned(how),
        })
    }

    /// Asks the manager, by way of the root window, where it listens.
    fn ask_manager(&mut self, window: u32, kind: Atom, data: [u32; 5]) -> Result<bool> {
        let event = ClientMessageEvent::new(32, window, kind, data);
        let mask = EventMask::SUBSTRUCTURE_REDIRECT | EventMask::SUBSTRUCTURE_NOTIFY;
        self.send(self.root, mask, event)
    }

    fn send(&mut self, to: u32, event_mask: EventMask, event: ClientMessageEvent) -> Result<bool> {
        self.display.tell(SendEventRequest {
            propagate: false,
            destination: to,
            event_mask,
            event: Cow::Owned(event.serialize()),
        })
    }

    /// The end of a list of numbers, as much of it as is looked at; empty where there is none.
    fn list_end(&mut self, window: u32, name: Atom, kind: Atom) -> Result<Vec<u32>> {
        let part = |long_offset, long_length| GetPropertyRequest {
            delete: false,
            window,
            property: name,
            type_: kind,
            long_offset,
            long_length,
        };
        let Some(size) = self.display.ask(part(0, 0))? else {
            return Ok(Vec::new());
        };
        let before = (size.bytes_after / 4).saturating_sub(LIST_UNITS);
        let found = self.display.ask(part(before, LIST_UNITS))?;
        let list = found.and_then(|found| Some(found.value32()?.collect()));
        Ok(list.unwrap_or_default())
    }

    /// The list of windows that the manager keeps.
    fn told_list(&self) -> Option<Atom> {
        let lists = [self.names.stacking_list, self.names.client_list];
        lists.into_iter().find(|list| self.follows(*list))
    }

    fn follows(&self, name: Atom) -> bool {
        name != 0 && self.follows.as_ref().is_some_and(|all| all.contains(&name))
    }

    /// A property; `None` of a window that is gone.
    fn property(
        &mut self,
        window: u32,
        property: Atom,
        type_: Atom,
        units: u32,
    ) -> Result<Option<GetPropertyReply>> {
        self.display.ask(GetPropertyRequest {
            delete: false,
            window,
            property,
            type_,
            long_offset: 0,
            long_length: units,
        })
    }

    /// A property that is a list of numbers; empty where there is none.
    fn list(&mut self, window: u32, name: Atom, kind: Atom, units: u32) -> Result<Vec<u32>> {
        if name == 0 {
            return Ok(Vec::new());
        }
        let found = self.property(window, name, kind, units)?;
        let list = found.and_then(|found| Some(found.value32()?.collect()));
        Ok(list.unwrap_or_default())
    }
}

/// UTF-8 where it is some, else Latin-1, as the property has been since before.
fn decoded(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

/// As much of a text as is told, without what acts on whoever shows it.
fn text(text: &str) -> String {
    let shown = |letter: char| match letter.is_control() {
        true => char::REPLACEMENT_CHARACTER,
        false => letter,
    };
    text.chars().take(MAX_TEXT).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_valid_short_and_without_controls_whatever_it_was() {
        assert_eq!(text(&decoded(b"caf\xe9")), "caf\u{e9}");
        assert_eq!(text(&decoded("caf\u{e9}".as_bytes())), "caf\u{e9}");
        assert_eq!(text("a\x1b[2J\nb\u{9b}"), "a\u{fffd}[2J\u{fffd}b\u{fffd}");
        assert_eq!(text(&"\u{795e}".repeat(1000)).chars().count(), MAX_TEXT);
    }
}
