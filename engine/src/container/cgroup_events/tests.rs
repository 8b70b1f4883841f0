use std::path::Path;

use super::*;

fn write(root: &Path, file: &str, text: &str) {
    let path = root.join(file);
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(path, text).unwrap();
}

/// Plain files cannot be waited for, so these are only looked at.
fn unwatched(root: &Path, version: CgroupVersion) -> io::Result<CgroupEvents> {
    let cgroup = Cgroup::at(root, "c", version);
    let notices = reactor::watch(epoll::create(epoll::CreateFlags::CLOEXEC)?)?;
    let mut events = CgroupEvents {
        sources: sources(&cgroup)?,
        notices,
    };
    events.begin()?;
    Ok(events)
}

#[tokio::test]
async fn each_rise_is_told_once_by_its_counter() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    write(
        root,
        "c/memory.events",
        "low 0\nhigh 1\nmax 2\noom 0\noom_kill 0\n",
    );
    write(root, "c/pids.events", "max 0\n");
    write(
        root,
        "c/cpu.stat",
        "usage_usec 9\nnr_periods 9\nnr_throttled 3\n",
    );
    let mut events = unwatched(root, CgroupVersion::V2).unwrap();
    assert_eq!(events.look().unwrap(), []);
    write(
        root,
        "c/memory.events",
        "low 0\nhigh 1\nmax 7\noom 1\noom_kill 1\n",
    );
    write(
        root,
        "c/cpu.stat",
        "usage_usec 9\nnr_periods 9\nnr_throttled 4\n",
    );
    let rise = |counter, rose_by, total| CounterRise {
        counter,
        rose_by,
        total,
    };
    assert_eq!(
        events.look().unwrap(),
        [
            Act::Memory(rise("memory.events max", 5, 5)),
            Act::Memory(rise("memory.events oom", 1, 1)),
            Act::Memory(rise("memory.events oom_kill", 1, 1)),
            Act::Cpu(rise("cpu.stat nr_throttled", 1, 1)),
        ]
    );
    assert_eq!(events.look().unwrap(), []);
}

#[tokio::test]
async fn version_1_has_its_own_files() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    write(root, "memory/c/memory.failcnt", "0\n");
    write(root, "memory/c/memory.memsw.failcnt", "4\n");
    write(
        root,
        "memory/c/memory.oom_control",
        "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n",
    );
    write(root, "pids/c/pids.events", "max 0\n");
    write(
        root,
        "cpu/c/cpu.stat",
        "nr_periods 9\nnr_throttled 3\nthrottled_time 0\n",
    );
    let mut events = unwatched(root, CgroupVersion::V1).unwrap();
    write(root, "memory/c/memory.memsw.failcnt", "6\n");
    write(root, "pids/c/pids.events", "max 1\n");
    let told = events.look().unwrap();
    let told: Vec<String> = told.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "`memory.memsw.failcnt` rose by 2 to 2",
            "`pids.events max` rose by 1 to 1"
        ]
    );
}

#[tokio::test]
async fn a_counter_that_cannot_be_read_is_no_zero() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    write(
        root,
        "c/memory.events",
        "high 0\nmax 0\noom 0\noom_kill 0\n",
    );
    write(root, "c/pids.events", "max 0\n");
    let missing = unwatched(root, CgroupVersion::V2).unwrap_err();
    assert!(missing.to_string().contains("cpu.stat"), "{missing}");
    write(root, "c/cpu.stat", "nr_periods 9\n");
    assert!(unwatched(root, CgroupVersion::V2).is_err(), "no such key");
    write(root, "c/cpu.stat", "nr_throttled 0\n");
    let mut events = unwatched(root, CgroupVersion::V2).unwrap();
    write(
        root,
        "c/memory.events",
        "high 0\nmax 5\noom 0\noom_kill 0\n",
    );
    write(root, "c/cpu.stat", "nr_throttled many\n");
    assert!(events.look().is_err());
    write(root, "c/cpu.stat", "nr_throttled 0\n");
    assert_eq!(events.look().unwrap().len(), 1, "told by the next look");
}
