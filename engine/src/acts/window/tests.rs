//! Against a display of its own (`Xvfb`), with windows of a second client; and against what is none.

mod hostile;
mod xvfb;

use std::path::Path;

use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, ConnectionExt as _, CreateWindowAux, PropMode, Window as WindowId,
    WindowClass as Class,
};
use x11rb::wrapper::ConnectionExt as _;

use self::xvfb::{Client, Xvfb};
use super::manager::MAX_LOOKED_AT;
use super::*;

/// Rules that grant these, as `list` or `close:XTerm`.
fn rules(socket: &Path, authority: Option<&Path>, grants: &[&str]) -> Rules {
    let grant = |text: &&str| match format!("window:{text}").parse() {
        Ok(Permission::Window(kind, class)) => (kind, class, None),
        other => panic!("{other:?}"),
    };
    Rules {
        socket: Some(socket.to_owned()),
        number: 7,
        authority: authority.map(Path::to_owned),
        grants: grants.iter().map(grant).collect(),
        patience: PATIENCE,
    }
}

fn perform(act: &WindowAct, rules: &Rules) -> Outcome {
    super::perform(act, rules).0
}

/// By which permissions an act is done.
fn used(act: &WindowAct, rules: &Rules) -> Vec<String> {
    let used = super::perform(act, rules).1;
    let told = used.into_iter().map(|(permission, mode)| match mode {
        None => permission.to_string(),
        Some(mode) => format!("{permission} in mode {mode}"),
    });
    told.collect()
}

fn listed(rules: &Rules) -> Vec<Window> {
    match perform(&WindowAct::List, rules) {
        Ok(ActResult::Windows(windows)) => windows,
        other => panic!("{other:?}"),
    }
}

fn denied(outcome: Outcome) -> String {
    match outcome {
        Err(ActError::Denied { permission }) => permission,
        other => panic!("{other:?}"),
    }
}

fn failure(outcome: Outcome) -> Failure {
    failed_as(outcome).0
}

/// How an act failed, and what is said of it.
fn failed_as(outcome: Outcome) -> (Failure, String) {
    match outcome {
        Err(ActError::Failed { failure, message }) => (failure, message),
        other => panic!("{other:?}"),
    }
}

fn titles(windows: &[Window]) -> Vec<&str> {
    windows.iter().map(|one| one.title.as_str()).collect()
}

/// Puts a window at (10, 20), 300 by 200 pixels.
fn window(client: &Client, class: &str, title: &str) -> WindowId {
    let window = client.generate_id().unwrap();
    let root = client.setup().roots[0].root;
    let aux = CreateWindowAux::new();
    client
        .create_window(
            0,
            window,
            root,
            10,
            20,
            300,
            200,
            0,
            Class::INPUT_OUTPUT,
            0,
            &aux,
        )
        .unwrap();
    let class = format!("instance\0{class}\0");
    for (name, value) in [
        (AtomEnum::WM_CLASS, class.as_str()),
        (AtomEnum::WM_NAME, title),
    ] {
        client
            .change_property8(
                PropMode::REPLACE,
                window,
                name,
                AtomEnum::STRING,
                value.as_bytes(),
            )
            .unwrap();
    }
    client.map_window(window).unwrap();
    client.sync().unwrap();
    window
}

fn atom(client: &Client, name: &str) -> u32 {
    let atom = client.intern_atom(false, name.as_bytes()).unwrap();
    atom.reply().unwrap().atom
}

/// Says of a window that it takes requests to close.
fn takes_requests_to_close(client: &Client, window: WindowId) {
    let protocols = [atom(client, "WM_DELETE_WINDOW")];
    let name = atom(client, "WM_PROTOCOLS");
    client
        .change_property32(PropMode::REPLACE, window, name, AtomEnum::ATOM, &protocols)
        .unwrap();
    client.sync().unwrap();
}

/// The numbers in the next message that a client gets, and of which kind it is.
fn message(client: &Client) -> (u32, u32, [u32; 5]) {
    loop {
        if let Event::ClientMessage(message) = client.wait_for_event().unwrap() {
            return (message.window, message.type_, message.data.as_data32());
        }
    }
}

const ALL: [&str; 4] = ["list", "focus", "move", "close"];

#[test]
fn windows_are_listed_moved_focused_and_asked_to_close_where_there_is_no_manager() {
    let display = Xvfb::start();
    let rules = display.rules(&ALL);
    assert_eq!(listed(&rules), []);
    let client = display.client();
    let one = window(&client, "XTerm", "one");
    let other = window(&client, "Gimp", "other");
    let hidden = window(&client, "Gimp", "hidden");
    client.unmap_window(hidden).unwrap();
    client.sync().unwrap();
    let found = listed(&rules);
    let expected = Window {
        id: one,
        title: "one".to_owned(),
        class: "XTerm".to_owned(),
        x: 10,
        y: 20,
        width: 300,
        height: 200,
        focused: false,
    };
    assert_eq!(found[0], expected);
    assert_eq!(titles(&found), ["one", "other"]);

    let moving = WindowAct::Move {
        id: one,
        x: Some(-5),
        y: None,
        width: None,
        height: Some(50),
    };
    assert_eq!(perform(&moving, &rules), Ok(ActResult::Done));
    let moved = &listed(&rules)[0];
    assert_eq!(
        (moved.x, moved.y, moved.width, moved.height),
        (-5, 20, 300, 50)
    );

    assert_eq!(
        perform(&WindowAct::Focus { id: one }, &rules),
        Ok(ActResult::Done)
    );
    let found = listed(&rules);
    // It is on top now, which is the last.
    assert_eq!(titles(&found), ["other", "one"]);
    assert_eq!((found[0].focused, found[1].focused), (false, true));

    let close = WindowAct::Close { id: other };
    assert_eq!(failure(perform(&close, &rules)), Failure::Other);
    takes_requests_to_close(&client, other);
    assert_eq!(perform(&close, &rules), Ok(ActResult::Done));
    let (window, kind, data) = message(&client);
    assert_eq!((window, kind), (other, atom(&client, "WM_PROTOCOLS")));
    assert_eq!(data[0], atom(&client, "WM_DELETE_WINDOW"));
    client.destroy_window(other).unwrap();
    client.sync().unwrap();
    assert_eq!(titles(&listed(&rules)), ["one"]);
    assert_eq!(failure(perform(&close, &rules)), Failure::NotFound);
}

#[test]
fn only_windows_that_may_be_seen_can_be_acted_on_and_only_by_what_is_granted() {
    let display = Xvfb::start();
    let client = display.client();
    let term = window(&client, "XTerm", "term");
    let other = window(&client, "Gimp", "other");
    let odd = window(&client, "a class: \u{e9}", "odd");
    let all = display.rules(&["list", "close:XTerm", "focus:Gimp"]);
    assert_eq!(listed(&all).len(), 3);
    let focus = |id, rules: &Rules| perform(&WindowAct::Focus { id }, rules);
    assert_eq!(denied(focus(term, &all)), "window:focus:XTerm");
    assert_eq!(denied(focus(odd, &all)), "window:focus");
    assert_eq!(focus(other, &all), Ok(ActResult::Done));

    let some = display.rules(&["list:XTerm", "focus", "close", "move"]);
    assert_eq!(titles(&listed(&some)), ["term"]);
    let root = client.setup().roots[0].root;
    for id in [other, odd, root, 0, 1, u32::MAX, term + 1000] {
        assert_eq!(failure(focus(id, &some)), Failure::NotFound, "{id}");
        let close = perform(&WindowAct::Close { id }, &some);
        assert_eq!(failure(close), Failure::NotFound, "{id}");
    }
    assert_eq!(focus(term, &some), Ok(ActResult::Done));
    // Nothing is seen, so nothing can be acted on.
    assert_eq!(
        failure(focus(term, &display.rules(&["focus"]))),
        Failure::NotFound
    );
}

#[test]
fn the_permission_that_covered_the_window_is_told_and_no_other() {
    let display = Xvfb::start();
    let client = display.client();
    let all = [
        "list:XTerm",
        "list:Gimp",
        "focus",
        "focus:XTerm",
        "move:Gimp",
    ];
    let mut rules = display.rules(&all);
    // There is none: it looked by either.
    assert_eq!(
        used(&WindowAct::List, &rules),
        ["window:list:XTerm", "window:list:Gimp"]
    );
    let term = window(&client, "XTerm", "term");
    assert_eq!(used(&WindowAct::List, &rules), ["window:list:XTerm"]);
    let other = window(&client, "Gimp", "other");
    let focus = |id, rules: &Rules| used(&WindowAct::Focus { id }, rules);
    assert_eq!(
        focus(term, &rules),
        ["window:list:XTerm", "window:focus:XTerm"]
    );
    assert_eq!(focus(other, &rules), ["window:list:Gimp", "window:focus"]);
    // Refused, but it was seen: what is missing names its class.
    let close = WindowAct::Close { id: other };
    assert_eq!(used(&close, &rules), ["window:list:Gimp"]);
    assert_eq!(focus(1, &rules), [""; 0]);
    // What is granted comes before what is only observed, however narrow that is.
    for grant in rules.grants.iter_mut().filter(|grant| grant.1.is_some()) {
        grant.2 = Some(Mode::Audit);
    }
    assert_eq!(
        focus(term, &rules),
        ["window:list:XTerm in mode audit", "window:focus"]
    );
    assert_eq!(
        used(&WindowAct::List, &rules),
        // The one that was focused is on top.
        [
            "window:list:XTerm in mode audit",
            "window:list:Gimp in mode audit"
        ]
    );
}

#[test]
fn a_manager_is_asked_where_there_is_one() {
    let display = Xvfb::start();
    let rules = display.rules(&ALL);
    let manager = display.manager("_NET_CLIENT_LIST");
    let client = display.client();
    let managed = window(&client, "XTerm", "managed");
    window(&client, "XTerm", "not managed");
    manager.tells(&[managed], managed);
    let found = listed(&rules);
    assert_eq!(titles(&found), ["managed"]);
    assert!(found[0].focused);

    let asked = |act: WindowAct, name: &str| {
        assert_eq!(perform(&act, &rules), Ok(ActResult::Done));
        let (window, kind, data) = message(&manager);
        assert_eq!((window, kind), (managed, atom(&manager, name)), "{name}");
        data
    };
    let data = asked(WindowAct::Focus { id: managed }, "_NET_ACTIVE_WINDOW");
    assert_eq!(data[0], 2);
    let moving = WindowAct::Move {
        id: managed,
        x: None,
        y: Some(-7),
        width: Some(9),
        height: None,
    };
    let data = asked(moving, "_NET_MOVERESIZE_WINDOW");
    assert_eq!(data, [0x2600, 0, (-7_i32).cast_unsigned(), 9, 0]);
    let data = asked(WindowAct::Close { id: managed }, "_NET_CLOSE_WINDOW");
    assert_eq!(data[..2], [0, 2]);

    // One that is gone left its mark behind: windows are taken as the display has them.
    drop(manager);
    assert_eq!(titles(&listed(&rules)), ["managed", "not managed"]);
}

#[test]
fn the_end_of_a_managers_list_is_looked_at() {
    for list in ["_NET_CLIENT_LIST", "_NET_CLIENT_LIST_STACKING"] {
        let display = Xvfb::start();
        let rules = display.rules(&ALL);
        let manager = display.manager(list);
        let client = display.client();
        let [low, middle, high] =
            ["low", "middle", "high"].map(|title| window(&client, "XTerm", title));
        // The rest are gone.
        let mut windows = vec![u32::MAX >> 3; MAX_LOOKED_AT - 2];
        windows.splice(0..0, [low, middle]);
        windows.push(high);
        manager.tells(&windows, high);
        assert_eq!(titles(&listed(&rules)), ["middle", "high"], "{list}");
        let focus = |id| perform(&WindowAct::Focus { id }, &rules);
        assert_eq!(focus(high), Ok(ActResult::Done));
        assert_eq!(failure(focus(low)), Failure::NotFound);
    }
}

#[test]
fn titles_are_cut_and_made_text_and_windows_have_an_end() {
    let display = Xvfb::start();
    let rules = display.rules(&ALL);
    let client = display.client();
    let long = window(&client, &"c".repeat(5000), &"t".repeat(100_000));
    let found = listed(&rules);
    assert_eq!((found[0].title.len(), found[0].class.len()), (256, 256));
    let wm_name = atom(&client, "_NET_WM_NAME");
    let utf8 = atom(&client, "UTF8_STRING");
    client
        .change_property8(PropMode::REPLACE, long, wm_name, utf8, b"a\x1b[2J\xff\xfe")
        .unwrap();
    client.sync().unwrap();
    assert_eq!(listed(&rules)[0].title, "a\u{fffd}[2J\u{fffd}\u{fffd}");
    for number in 0..MAX_WINDOWS {
        window(&client, "XTerm", &number.to_string());
    }
    assert_eq!(listed(&rules).len(), MAX_WINDOWS);
}

#[test]
fn where_there_are_too_many_windows_the_highest_of_those_that_may_be_seen_are_told() {
    let display = Xvfb::start();
    let client = display.client();
    window(&client, "XTerm", "lowest");
    for number in 0..MAX_WINDOWS {
        window(&client, "Other", &number.to_string());
    }
    let highest = window(&client, "XTerm", "highest");
    let all = listed(&display.rules(&["list"]));
    assert_eq!(all.len(), MAX_WINDOWS);
    assert_eq!((&*all[0].title, all[MAX_WINDOWS - 1].id), ("1", highest));
    let some = display.rules(&["list:XTerm"]);
    assert_eq!(titles(&listed(&some)), ["lowest", "highest"]);

    // So many are looked at, and no more.
    for _ in 0..MAX_LOOKED_AT - 1 {
        let (hidden, root) = (client.generate_id().unwrap(), client.setup().roots[0].root);
        let (class, aux) = (Class::INPUT_OUTPUT, CreateWindowAux::new());
        client
            .create_window(0, hidden, root, 0, 0, 1, 1, 0, class, 0, &aux)
            .unwrap();
    }
    client.sync().unwrap();
    assert_eq!(titles(&listed(&some)), ["highest"]);
}

#[test]
fn a_display_opens_to_its_key_only() {
    let display = Xvfb::start();
    let with = |authority: Option<&Path>| {
        let rules = rules(display.socket(), authority, &ALL);
        perform(&WindowAct::List, &rules)
    };
    assert!(with(Some(&display.authority())).is_ok());
    let wrong = display.other_authority();
    let refused = "the display refuses the engine";
    let nowhere = "the display's key, which the policy names, is not used: the file cannot be read: entity not found";
    for (authority, message) in [
        (None, refused),
        (Some(wrong.as_path()), refused),
        (Some(Path::new("/nowhere")), nowhere),
    ] {
        let expected = (Failure::Other, message.to_owned());
        assert_eq!(failed_as(with(authority)), expected, "{authority:?}");
    }
}

#[test]
fn permissions_of_a_policy_say_what_is_done_and_what_is_recorded() {
    use lazaret_policy::{SecurityLevel, SecurityPolicy};
    let policy = |body: &str| {
        let text = format!("apiVersion: lazaret/v1\nkind: SecurityPolicy\n{body}");
        let policy = SecurityPolicy::parse("p", &text).unwrap();
        EffectivePolicy::of(SecurityLevel::Standard).layer(&policy)
    };
    let close = WindowAct::Close { id: 1 };
    let needed = |body: &str, class: &str| -> Option<String> {
        let policy = policy(body);
        assert!(may(&close, &policy));
        let covering = Rules::of(&policy).allow(Kind::Close, class);
        covering.map(|(permission, mode)| match mode {
            None => permission.to_string(),
            Some(mode) => format!("{permission} in mode {mode}"),
        })
    };
    assert!(!may(&close, &policy("permissions: [ window:list ]")));
    let some = "permissions: [ 'window:close:A', 'window:close:B' ]";
    assert_eq!(needed(some, "B").unwrap(), "window:close:B");
    assert_eq!(needed(some, "C"), None);
    let all = "permissions: [ 'window:close:A', window:close ]";
    assert_eq!(needed(all, "A").unwrap(), "window:close:A");
    assert_eq!(needed(all, "B").unwrap(), "window:close");
    let observed =
        "window: { mode: audit }\nobserve: [ window:close ]\npermissions: [ 'window:close:A' ]";
    assert_eq!(needed(observed, "A").unwrap(), "window:close:A");
    assert_eq!(needed(observed, "B").unwrap(), "window:close in mode audit");
    assert!(!sees(&policy("permissions: [ window:list ]")));
    assert!(sees(&policy(
        "permissions: [ window:list ]\nwindow: { display: ':7' }"
    )));
    let none = Rules::of(&policy("permissions: [ window:list ]"));
    assert_eq!(none.patience, Duration::from_secs(5));
    assert_eq!(failure(perform(&WindowAct::List, &none)), Failure::NotFound);
}
