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
    let place = says.place();
    if verb == Some(facts.is.throttle) {
        return arena.text(&says.silence(&place));
    }
    let deed = verb.map_or("", |verb| &facts.deeds[verb as usize]);
    let mut target = says.target();
    if deed.is_empty() && target.is_empty() {
        return "";
    }
    let open = [" to", " of", " for"].iter().any(|end| deed.ends_with(end));
    if target.is_empty() && open {
        target.push_str("something without a name");
    }
    let mut sentence = says.actor().to_owned();
    sentence.push(' ');
    sentence.push_str(if deed.is_empty() { "touched" } else { deed });
    if !target.is_empty() {
        sentence.push(' ');
        sentence.push_str(&target);
    }
    if !place.is_empty() {
        sentence.push_str(" in ");
        sentence.push_str(&place);
    }
    let result = text(ids.result);
    if !result.is_empty() {
        sentence.push_str(": ");
        sentence.push_str(result);
    }
    let (action, policy) = (text(ids.action), text(ids.policy));
    if !action.is_empty() || !policy.is_empty() {
        let by = if action.is_empty() || policy.is_empty() {
            ""
        } else {
            " by "
        };
        for part in [" (", action, by, policy, ")"] {
            sentence.push_str(part);
        }
    }
    arena.text(&sentence)
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

    /// Return the first of some fields that has a text.
    fn first(&self, fields: &[Field]) -> &'a str {
        fields
            .iter()
            .map(|field| self.text(*field))
            .find(|text| !text.is_empty())
            .unwrap_or("")
    }

    fn place(&self) -> String {
        let ids = &self.facts.ids;
        let (namespace, pod) = (self.text(ids.namespace), self.text(ids.pod));
        let slash = if namespace.is_empty() || pod.is_empty() {
            ""
        } else {
            "/"
        };
        let pod = [namespace, slash, pod].concat();
        let container = self.text(ids.container_name);
        match (pod.is_empty(), container.is_empty()) {
            (false, false) => format!("{pod} ({container})"),
            (false, true) => pod,
            (true, false) => container.to_owned(),
            (true, true) => self.text(ids.host_name).to_owned(),
        }
    }

    fn silence(&self, place: &str) -> String {
        let ids = &self.facts.ids;
        let place = if place.is_empty() { "this host" } else { place };
        let mut sentence = format!("KubeArmor withholds alerts of {place}");
        let (seconds, most) = (self.text(ids.silence), self.text(ids.most_alerts));
        if !seconds.is_empty() {
            sentence.push_str(&format!(" for {seconds} s"));
        }
        if !most.is_empty() {
            sentence.push_str(&format!(": more than {most} a second"));
        }
        sentence
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

    fn target(&self) -> String {
        let (ids, is) = (&self.facts.ids, &self.facts.is);
        if self.is(&[
            is.attach, is.detach, is.socket, is.listen, is.accept, is.setid,
        ]) {
            String::new()
        } else if self.is(&[is.connect, is.ingress, is.egress]) {
            let host = self.first(&[ids.destination_ip, ids.remote_host]);
            let end = address(host, self.text(ids.destination_port));
            let path = self.text(ids.d_sun_path);
            let protocol = self.text(ids.protocol);
            if !end.is_empty() {
                end
            } else if !path.is_empty() {
                path.to_owned()
            } else if protocol.is_empty() {
                String::new()
            } else {
                format!("a peer by {protocol}")
            }
        } else if self.is(&[is.bind]) {
            let end = address(self.text(ids.local_ip), self.text(ids.local_port));
            if end.is_empty() {
                self.text(ids.d_sun_path).to_owned()
            } else {
                end
            }
        } else if self.is(&[is.dns]) {
            self.text(ids.dns_name).to_owned()
        } else if self.is(&[is.exec]) {
            self.text(ids.process_path).to_owned()
        } else if self.is(&[is.use_]) {
            let used = self.first(&[ids.d_capability, ids.resource]);
            if used.is_empty() {
                "a capability".to_owned()
            } else {
                used.to_owned()
            }
        } else {
            self.first(&[ids.file_path, ids.d_process, ids.resource])
                .to_owned()
        }
    }
}

fn address(host: &str, port: &str) -> String {
    if host.is_empty() || port.is_empty() {
        host.to_owned()
    } else if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}
