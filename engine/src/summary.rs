//! A sentence that says who did what to what, where, and with which result.
//!
//! The reference is `cef_bridge/kubearmor/summary.py`.

use crate::arena::Arena;
use crate::event::{Event, Field};
use crate::facts::Facts;

/// Return the sentence, "" when there is nothing to say. `text` reads a field that is a text or a
/// whole number; a mapping's `drop` takes some away.
pub fn summary<'a>(
    facts: &Facts,
    event: &Event<'a>,
    arena: &'a Arena,
    text: impl Fn(&Event<'a>, Field) -> &'a str,
) -> &'a str {
    let ids = &facts.ids;
    let text = |field: Field| text(event, field);
    let verb = if text(ids.e_verb).is_empty() {
        None
    } else {
        Some(facts.classes[event.class].verb)
    };
    let says = Says {
        facts,
        text: &text,
        verb,
    };
    let written = arena.write(|sentence| {
        says.all(sentence);
        Some(())
    });
    written.unwrap_or("")
}

struct Says<'s, 'a> {
    facts: &'s Facts,
    text: &'s dyn Fn(Field) -> &'a str,
    verb: Option<u8>,
}

impl<'a> Says<'_, 'a> {
    fn is(&self, verbs: &[u8]) -> bool {
        self.verb.is_some_and(|verb| verbs.contains(&verb))
    }

    fn text(&self, field: Field) -> &'a str {
        (self.text)(field)
    }

    /// Write the sentence, or nothing.
    fn all(&self, out: &mut String) {
        let ids = &self.facts.ids;
        if self.is(&[self.facts.is.throttle]) {
            self.silence(out);
            return;
        }
        let deed = self
            .verb
            .map_or("", |verb| &self.facts.deeds[verb as usize]);
        out.push_str(self.actor());
        out.push(' ');
        out.push_str(if deed.is_empty() { "touched" } else { deed });
        out.push(' ');
        let before = out.len();
        self.target(out);
        if out.len() == before {
            if deed.is_empty() {
                out.clear();
                return;
            }
            if [" to", " of", " for"].iter().any(|end| deed.ends_with(end)) {
                out.push_str("something without a name");
            } else {
                out.truncate(before - 1);
            }
        }
        let before = out.len();
        out.push_str(" in ");
        let place = out.len();
        self.place(out);
        if out.len() == place {
            out.truncate(before);
        }
        let result = self.text(ids.result);
        if !result.is_empty() {
            join(out, &[": ", result]);
        }
        let (action, policy) = (self.text(ids.action), self.text(ids.policy));
        if !action.is_empty() || !policy.is_empty() {
            let by = if action.is_empty() || policy.is_empty() {
                ""
            } else {
                " by "
            };
            join(out, &[" (", action, by, policy, ")"]);
        }
    }

    /// Return the first of some fields that has a text.
    fn first(&self, fields: &[Field]) -> &'a str {
        fields
            .iter()
            .map(|field| self.text(*field))
            .find(|text| !text.is_empty())
            .unwrap_or("")
    }

    fn place(&self, out: &mut String) {
        let ids = &self.facts.ids;
        let (namespace, pod) = (self.text(ids.namespace), self.text(ids.pod));
        let slash = if namespace.is_empty() || pod.is_empty() {
            ""
        } else {
            "/"
        };
        let container = self.text(ids.container_name);
        match (namespace.is_empty() && pod.is_empty(), container) {
            (true, "") => out.push_str(self.text(ids.host_name)),
            (true, container) => out.push_str(container),
            (false, "") => join(out, &[namespace, slash, pod]),
            (false, container) => join(out, &[namespace, slash, pod, " (", container, ")"]),
        }
    }

    fn silence(&self, out: &mut String) {
        let ids = &self.facts.ids;
        out.push_str("KubeArmor withholds alerts of ");
        let before = out.len();
        self.place(out);
        if out.len() == before {
            out.push_str("this host");
        }
        let (seconds, most) = (self.text(ids.silence), self.text(ids.most_alerts));
        if !seconds.is_empty() {
            join(out, &[" for ", seconds, " s"]);
        }
        if !most.is_empty() {
            join(out, &[": more than ", most, " a second"]);
        }
    }

    fn actor(&self) -> &'a str {
        let (ids, is) = (&self.facts.ids, &self.facts.is);
        let (found, unnamed) = if self.is(&[is.exec]) {
            (self.first(&[ids.parent_name, ids.source]), "A process")
        } else if self.is(&[is.attach, is.detach]) {
            (self.text(ids.resource), "A device")
        } else if self.is(&[is.ingress, is.egress]) {
            (self.text(ids.source_ip), "A peer")
        } else {
            (self.first(&[ids.process_name, ids.source]), "A process")
        };
        if found.is_empty() {
            unnamed
        } else {
            found
        }
    }

    fn target(&self, out: &mut String) {
        let (ids, is) = (&self.facts.ids, &self.facts.is);
        if self.is(&[
            is.attach, is.detach, is.socket, is.listen, is.accept, is.setid,
        ]) {
            return;
        }
        let named = if self.is(&[is.connect, is.ingress, is.egress]) {
            let host = self.first(&[ids.destination_ip, ids.remote_host]);
            let path = self.text(ids.d_sun_path);
            let protocol = self.text(ids.protocol);
            if !host.is_empty() {
                return address(host, self.text(ids.destination_port), out);
            }
            if path.is_empty() && !protocol.is_empty() {
                out.push_str("a peer by ");
                protocol
            } else {
                path
            }
        } else if self.is(&[is.bind]) {
            let host = self.text(ids.local_ip);
            if !host.is_empty() {
                return address(host, self.text(ids.local_port), out);
            }
            self.text(ids.d_sun_path)
        } else if self.is(&[is.dns]) {
            self.text(ids.dns_name)
        } else if self.is(&[is.exec]) {
            self.text(ids.process_path)
        } else if self.is(&[is.use_]) {
            match self.first(&[ids.d_capability, ids.resource]) {
                "" => "a capability",
                used => used,
            }
        } else {
            self.first(&[ids.file_path, ids.d_process, ids.resource])
        };
        out.push_str(named);
    }
}

fn address(host: &str, port: &str, out: &mut String) {
    if port.is_empty() {
        out.push_str(host);
    } else if host.contains(':') {
        join(out, &["[", host, "]:", port]);
    } else {
        join(out, &[host, ":", port]);
    }
}

fn join(out: &mut String, parts: &[&str]) {
    parts.iter().for_each(|part| out.push_str(part));
}
