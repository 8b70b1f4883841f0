use crate::word::words;

words! {
    /// What it takes for a changed key or grant to hold; a later one takes more.
    Change, "way to change" {
        /// The running plugin is held by the new value from the next act on.
        Live = "live",
        /// The plugin starts anew in the container it has.
        Restart = "restart",
        /// The plugin gets a new container.
        Recreate = "recreate",
    }
}
