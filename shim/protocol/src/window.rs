//! Windows of the display that the policy grants, which the engine speaks to.

use serde::{Deserialize, Serialize};

/// What is asked for of the windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WindowAct {
    /// Tell those that may be seen.
    List,
    /// Have one take what is typed.
    Focus {
        /// Which, as [`Window::id`].
        id: u32,
    },
    /// Put one elsewhere, or give it another size; what is not said stays.
    Move {
        /// Which.
        id: u32,
        /// Pixels from the left end of the screen.
        x: Option<i16>,
        /// Pixels from its upper end.
        y: Option<i16>,
        /// Pixels.
        width: Option<u16>,
        /// Pixels.
        height: Option<u16>,
    },
    /// Ask one to close, which it may do or not.
    Close {
        /// Which.
        id: u32,
    },
}

/// A window. What its program says of it is that program's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its number; that of another one some time after it is gone.
    pub id: u32,
    /// Its title, cut where it is long, without control characters.
    pub title: String,
    /// Its class, likewise; empty where it has none.
    pub class: String,
    /// Pixels from the left end of the screen.
    pub x: i16,
    /// Pixels from its upper end.
    pub y: i16,
    /// Pixels.
    pub width: u16,
    /// Pixels.
    pub height: u16,
    /// It takes what is typed.
    pub focused: bool,
}

impl Window {
    /// About how many bytes it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.title.len() + self.class.len() + 16
    }
}
