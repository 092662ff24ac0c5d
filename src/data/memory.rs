//! How much memory this process may still take: the least of what the machine has, what its control group is given (a container's limit),
//! and what the shell allows (`ulimit -v`).

use std::fs;
use std::path::{Path, PathBuf};

/// Where the system shows its control groups.
const GROUPS: &str = "/sys/fs/cgroup";

/// So many bytes; none where the system does not say.
pub(super) fn free() -> Option<u64> {
    let process = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    [of_machine(), of_groups(Path::new(GROUPS), &process), of_shell()].into_iter().flatten().min()
}

fn of_machine() -> Option<u64> {
    let meminfo = fs::read_to_string("/proc/meminfo").ok()?;
    let available = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(available.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// The least that is left in the groups that the lines of `process` name and in those around them. Within a container the names may be
/// those outside, and the group is the topmost that is seen.
fn of_groups(root: &Path, process: &str) -> Option<u64> {
    let lines = process.lines().filter_map(|line| {
        let (kind, path) = line.split_once(':')?.1.split_once(':')?;
        match kind {
            "" => Some((root.to_path_buf(), path)),
            kind if kind.split(',').any(|kind| kind == "memory") => Some((root.join("memory"), path)),
            _ => None,
        }
    });
    let folders = lines.flat_map(|(top, path)| {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        (0..=parts.len()).map(move |depth| top.join(parts[..depth].iter().collect::<PathBuf>())).collect::<Vec<_>>()
    });
    folders.filter_map(|folder| left_in(&folder)).min()
}

/// What is left of a group's limit. Pages of files that the system can drop are free.
fn left_in(group: &Path) -> Option<u64> {
    let number = |names: [&str; 2]| {
        let text = names.iter().find_map(|name| fs::read_to_string(group.join(name)).ok())?;
        text.trim().parse::<u64>().ok()
    };
    let limit = number(["memory.max", "memory.limit_in_bytes"])?;
    let used = number(["memory.current", "memory.usage_in_bytes"])?;
    let stat = fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
    let dropped =
        |name: &str| stat.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse::<u64>().ok());
    let files = dropped("total_inactive_file").or_else(|| dropped("inactive_file")).unwrap_or(0);
    Some(limit.saturating_sub(used.saturating_sub(files)))
}

fn of_shell() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the call writes to `limit` alone.
    let told = unsafe { libc::getrlimit(libc::RLIMIT_AS, &raw mut limit) } == 0;
    let limited = told && limit.rlim_cur != libc::RLIM_INFINITY;
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').next().and_then(|pages| pages.parse().ok()).unwrap_or(0);
    // SAFETY: it asks for a number.
    let page = u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
    limited.then(|| limit.rlim_cur.saturating_sub(pages * page))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(root: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    #[test]
    fn the_tightest_group_counts() {
        let root = tempfile::tempdir().unwrap();
        group(
            root.path(),
            &[
                ("a/memory.max", "1000\n"),
                ("a/memory.current", "300\n"),
                ("a/memory.stat", "anon 200\nfile 100\ninactive_file 100\n"),
                ("a/b/memory.max", "max\n"),
                ("a/b/memory.current", "10\n"),
            ],
        );
        assert_eq!(of_groups(root.path(), "0::/a/b\n"), Some(800));
        assert_eq!(of_groups(root.path(), "0::/c\n"), None);
        // An older system; the name is one of outside the container.
        group(
            root.path(),
            &[
                ("memory/memory.limit_in_bytes", "5000"),
                ("memory/memory.usage_in_bytes", "4000"),
                ("memory/memory.stat", "cache 3000\ntotal_inactive_file 2000\n"),
            ],
        );
        assert_eq!(of_groups(root.path(), "4:cpu,memory:/docker/1f\n3:cpuset:/\n0::/a\n"), Some(800));
        assert_eq!(of_groups(root.path(), "4:memory:/docker/1f\n"), Some(3000));
    }

    #[test]
    fn this_machine_has_memory() {
        assert!(free().is_none_or(|bytes| bytes > 1 << 20));
    }
}
