//! What kind of event it is. The reference is `cef_bridge/kubearmor/classes.py`.

use crate::event::Event;
use crate::facts::{Facts, Word};
use crate::words::{begins_with, find_capital, find_small, holds_word};

/// EACCES and EPERM.
const DENIED: [&str; 2] = ["permission denied", "operation not permitted"];
const PASSED: [&str; 2] = ["passed", "removed"];

/// Return the class of an event, None for one that cef-bridge says of itself: Python has it.
pub fn classify(facts: &Facts, event: &Event<'_>, call: &str, flags: &str) -> Option<usize> {
    let is = &facts.is;
    let kind = kind_of(facts, event)?;
    let (mut operation, mut verb) = operation_of(facts, event, kind, call, flags);
    if kind == is.event && operation != is.system {
        (operation, verb) = (is.system, is.other);
    } else if kind != is.event && operation == is.system {
        (operation, verb) = (is.other, is.other);
    }
    let ids = &facts.ids;
    let placed = [ids.container_id, ids.pod, ids.namespace]
        .iter()
        .any(|field| event.has(*field));
    let scope = if placed { is.container } else { is.host };
    facts.class([
        kind,
        scope,
        operation,
        verb,
        disposition(facts, event, kind),
    ])
}

fn kind_of(facts: &Facts, event: &Event<'_>) -> Option<Word> {
    let (ids, is) = (&facts.ids, &facts.is);
    let kind = event.text(ids.kind_);
    let operation = event.text(ids.operation);
    let says = |words: &[&str]| words.iter().any(|word| kind.eq_ignore_ascii_case(word));
    if says(&["cefbridge"]) {
        return None;
    }
    // The throttle overwrites Type and Operation and leaves the rest of the alert.
    if says(&["systemevent", "message"]) || operation.eq_ignore_ascii_case("alertthreshold") {
        return Some(is.event);
    }
    if begins_with(kind, "matched") {
        return Some(is.alert);
    }
    if says(&["containerlog", "hostlog", "systemlog"]) {
        return Some(is.log);
    }
    let sidekick = event.text(ids.event_type);
    if sidekick.eq_ignore_ascii_case("alert") {
        return Some(is.alert);
    }
    if sidekick.eq_ignore_ascii_case("log") {
        return Some(is.log);
    }
    if event.has(ids.policy) || event.has(ids.action) {
        return Some(is.alert);
    }
    Some(if operation.is_empty() {
        is.event
    } else {
        is.log
    })
}

fn operation_of(
    facts: &Facts,
    event: &Event<'_>,
    kind: Word,
    call: &str,
    flags: &str,
) -> (Word, Word) {
    let (ids, is) = (&facts.ids, &facts.is);
    let other = if kind == is.event {
        (is.system, is.other)
    } else {
        (is.other, is.other)
    };
    let Some(known) = find_small(&facts.operations, event.text(ids.operation)) else {
        return other;
    };
    if known.own {
        return other;
    }
    let operation = known.word;
    if operation == is.firewall {
        let inbound = begins_with(event.text(ids.resource), "ingress");
        return (operation, if inbound { is.ingress } else { is.egress });
    }
    if operation == is.device {
        let gone = holds_word(event.text(ids.result), "removed")
            || holds_word(event.text(ids.action), "remove");
        return (operation, if gone { is.detach } else { is.attach });
    }
    let mut verb = find_capital(&facts.verbs, call).copied();
    if verb == Some(is.open) {
        verb = Some(open_verb(facts, flags));
    } else if call.is_empty() && operation == is.process {
        verb = Some(is.exec); // presets report an execution without Data
    }
    match verb {
        Some(verb) if known.verbs.contains(&verb) => (operation, verb),
        _ => (operation, known.verbs.last().copied().unwrap_or(is.other)),
    }
}

fn open_verb(facts: &Facts, flags: &str) -> Word {
    let is = &facts.is;
    if holds_word(flags, "O_CREAT") {
        is.create
    } else if holds_word(flags, "O_WRONLY") || holds_word(flags, "O_RDWR") {
        is.write
    } else if holds_word(flags, "O_RDONLY") {
        is.read
    } else {
        is.open
    }
}

fn disposition(facts: &Facts, event: &Event<'_>, kind: Word) -> Word {
    let is = &facts.is;
    let (action, result) = (event.text(facts.ids.action), event.text(facts.ids.result));
    let one_of = |text: &str, words: &[&str]| words.iter().any(|it| text.eq_ignore_ascii_case(it));
    let denied = one_of(result, &DENIED);
    if kind == is.event {
        is.none
    } else if kind == is.log {
        // An absent Result is no failure: tcp_accept events of some kernels come without one.
        if denied {
            is.denied
        } else if result.is_empty() || one_of(result, &PASSED) {
            is.passed
        } else {
            is.failed
        }
    } else if begins_with(action, "audit") {
        is.audit
    } else if one_of(action, &["block"]) {
        if one_of(result, &["passed"]) {
            is.unblocked
        } else {
            is.block
        }
    } else if one_of(action, &["allow", "remove"]) {
        if denied {
            is.block
        } else {
            is.allow
        }
    } else if action.is_empty() && denied {
        is.block
    } else {
        is.matched
    }
}
