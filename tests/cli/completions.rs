//! `mintery completions`: scripts that a shell takes.

use crate::support::Workplace;

#[test]
fn a_shell_takes_its_script() {
    let work = Workplace::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = work.run(&["completions", shell]).succeeded().stdout;
        for name in
            ["serve", "doctor", "signing-key", "database-url", "whoami", "introspect", "client-id"]
        {
            assert!(script.contains(name), "{shell}: no {name}");
        }
        let path = work.write(shell, &script);
        // Only bash is everywhere.
        if shell == "bash" {
            let checked = work.program("bash").arg("-n").arg(&path).output().unwrap();
            assert!(checked.status.success() && checked.stderr.is_empty(), "{checked:?}");
        }
    }
    let ask = "source ./bash; COMP_WORDS=(mintery ser); COMP_CWORD=1; _mintery mintery ser mintery; echo ${COMPREPLY[*]}";
    let completed = work.program("bash").args(["-c", ask]).output().unwrap();
    assert_eq!(String::from_utf8(completed.stdout).unwrap(), "serve\n", "{:?}", completed.stderr);
}

#[test]
fn no_settings_are_needed() {
    let work = Workplace::new().with("MINTERY_TOKEN__TTL", "1h");
    work.run(&["completions", "bash"]).succeeded();
    assert_eq!(work.entries(), Vec::<String>::new());
    for arguments in [&["completions"][..], &["completions", "tcsh"]] {
        work.run(arguments).was_misused();
    }
}
