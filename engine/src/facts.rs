//! What is known of KubeArmor's events: fields, calls, verbs, classes. All of it is in the table.
//!
//! The reference is `cef_bridge/kubearmor`; `cef_bridge/mapping/program/table/facts.py` writes what is read here.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::event::{Field, Fields, MOST_FIELDS};
use crate::table::{Damage, Reader};
use crate::words::{Folding, Words};

/// A field that a rule or an algorithm may read.
pub struct Path {
    /// Its path, such as `Owner.Name`.
    pub text: String,
    /// Its values are words of a list, which are compared regardless of case.
    pub any_case: bool,
    /// Its text is a list joined by commas.
    pub listed: bool,
}

/// What the name of an event's field means to the reader.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Name {
    /// A text.
    Text(Field),
    /// A whole number.
    Integer(Field),
    /// A list of texts.
    List(Field),
    /// An object whose parts are fields (Owner, ExecEvent): which of `Facts::maps`.
    Map(usize),
    /// EventData.
    EventData(Field),
    /// A field that KubeArmor has not, but a rule reads.
    Own(Field),
}

/// What a name in another spelling stands for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Spelling {
    /// The name as KubeArmor's relay writes it.
    pub name: Name,
    /// It is KubeArmor's in any spelling, and no word of other programs' logs.
    pub only_here: bool,
}

/// A class of events, a row of the published list.
pub struct Class {
    /// alert, log or event.
    pub kind: String,
    /// The words of the class, one for each of `Facts::class_fields`.
    pub texts: [String; 8],
    /// Numbers of operation and verb in `Facts::words`.
    pub operation: u8,
    /// The verb's number.
    pub verb: u8,
    /// It happened in a container.
    pub in_container: bool,
    /// It overtakes the rest on its way.
    pub urgent: bool,
}

/// A word of the lists of operations, verbs and dispositions, by its number.
pub type Word = u8;

/// The keys of one call in the order KubeArmor writes them, and what may stand between them.
pub struct Order {
    /// The keys with their fields.
    pub keys: Vec<(String, Field)>,
    /// Characters that part them.
    pub separators: Vec<char>,
}

/// An operation as KubeArmor writes it.
pub struct Operation {
    /// What it is called here.
    pub word: Word,
    /// Verbs that it can have; the last is for all others.
    pub verbs: Vec<Word>,
    /// It is of what cef-bridge says of itself.
    pub own: bool,
}

macro_rules! named {
    ($kind:ident, $item:ty, $($name:ident = $text:literal,)*) => {
        /// What the algorithms name, found in the table once.
        #[allow(missing_docs)]
        pub struct $kind { $(pub $name: $item,)* }

        impl $kind {
            fn find(
                reader: &Reader<'_>,
                find: impl Fn(&str) -> Option<$item>,
            ) -> Result<Self, Damage> {
                Ok($kind { $($name: match find($text) {
                    Some(found) => found,
                    None => return reader.damage(concat!("a table that has ", $text)),
                },)* })
            }
        }
    };
}

named!(
    Ids,
    Field,
    kind_ = "Type",
    operation = "Operation",
    action = "Action",
    result = "Result",
    event_type = "EventType",
    policy = "PolicyName",
    severity = "Severity",
    tags = "Tags",
    atags = "ATags",
    data = "Data",
    resource = "Resource",
    event_data = "EventData",
    source = "Source",
    process_name = "ProcessName",
    parent_name = "ParentProcessName",
    uid = "UID",
    pid = "PID",
    ppid = "PPID",
    host_pid = "HostPID",
    host_ppid = "HostPPID",
    host_name = "HostName",
    container_id = "ContainerID",
    pod = "PodName",
    namespace = "NamespaceName",
    container_name = "ContainerName",
    image = "ContainerImage",
    cluster_name = "ClusterName",
    updated = "UpdatedTime",
    timestamp = "Timestamp",
    owner_namespace = "Owner.Namespace",
    exec_id = "ExecEvent.ExecID",
    resource_hash = "ResourceHash",
    process_hash = "ProcessHash",
    silence = "DroppingAlertsInterval",
    most_alerts = "MaxAlertsPerSec",
    labels = "Labels",
    cluster = "cluster",
    e_kind = "event.kind",
    e_scope = "event.scope",
    e_operation = "event.operation",
    e_verb = "event.verb",
    e_disposition = "event.disposition",
    e_reason = "event.reason",
    e_class = "event.class_id",
    e_name = "event.name",
    e_place = "event.place",
    e_severity = "event.severity",
    e_time = "event.time",
    e_id = "event.id",
    e_act_key = "event.act_key",
    e_summary = "event.summary",
    e_suspicious = "event.suspicious",
    role = "process.role",
    process_path = "process.path",
    actor = "process.actor",
    user = "user.id",
    container_pid = "container.pid",
    container_ppid = "container.ppid",
    file_path = "file.path",
    file_hash = "file.hash",
    source_ip = "source.ip",
    source_port = "source.port",
    destination_ip = "destination.ip",
    destination_port = "destination.port",
    remote_ip = "remote.ip",
    remote_port = "remote.port",
    remote_host = "remote.host",
    local_ip = "local.ip",
    local_port = "local.port",
    direction = "network.direction",
    protocol = "network.protocol",
    family = "network.family",
    socket_type = "network.socket_type",
    dns_name = "dns.name",
    dns_type = "dns.type",
    call = "call",
    flags = "flags",
    target_user = "target.user_id",
    target_group = "target.group_id",
    mitre_ids = "tags.mitre_ids",
    mitre = "tags.mitre",
    other_tags = "tags.other",
    repository = "image.repository",
    image_tag = "image.tag",
    digest = "image.digest",
    d_syscall = "data.syscall",
    d_kprobe = "data.kprobe",
    d_kfunc = "data.kfunc",
    d_lsm = "data.lsm",
    d_flags = "data.flags",
    d_flag = "data.flag",
    d_userid = "data.userid",
    d_group = "data.group",
    d_target = "data.target",
    d_protocol = "data.protocol",
    d_protocol_ = "data.Protocol",
    d_family = "data.sa_family",
    d_domain = "data.domain",
    d_type = "data.type",
    d_remoteip = "data.remoteip",
    d_sin_addr = "data.sin_addr",
    d_port = "data.port",
    d_sin_port = "data.sin_port",
    d_remotehost = "data.remotehost",
    d_daddr = "data.daddr",
    d_qtype = "data.qtype",
    d_source_ip = "data.SourceIP",
    d_source_port = "data.SourcePort",
    d_destination_ip = "data.DestinationIP",
    d_destination_port = "data.DestinationPort",
    d_sun_path = "data.sun_path",
    d_capability = "data.capability",
    d_process = "data.process",
    rest_data = "Data.rest",
    rest_resource = "Resource.rest",
    rest_event_data = "EventData.rest",
    said_class = "header.device_event_class_id",
    said_name = "header.name",
    said_severity = "header.severity",
);

named!(
    WordIds,
    Word,
    alert = "alert",
    log = "log",
    event = "event",
    container = "container",
    host = "host",
    system = "system",
    other = "other",
    firewall = "firewall",
    device = "device",
    process = "process",
    network = "network",
    file = "file",
    syscall = "syscall",
    exec = "exec",
    open = "open",
    create = "create",
    write = "write",
    read = "read",
    delete = "delete",
    attr = "attr",
    setid = "setid",
    mount = "mount",
    umount = "umount",
    ingress = "ingress",
    egress = "egress",
    attach = "attach",
    detach = "detach",
    connect = "connect",
    accept = "accept",
    bind = "bind",
    listen = "listen",
    dns = "dns",
    socket = "socket",
    use_ = "use",
    throttle = "throttle",
    block = "block",
    unblocked = "unblocked",
    audit = "audit",
    allow = "allow",
    matched = "matched",
    passed = "passed",
    denied = "denied",
    failed = "failed",
    none = "none",
);

/// All facts.
pub struct Facts {
    /// The fields.
    pub paths: Vec<Path>,
    /// Fields by path.
    pub fields: Words<Field>,
    /// The fields that algorithms name.
    pub ids: Ids,
    /// The words that algorithms name.
    pub is: WordIds,
    /// Names of an event's fields.
    pub names: Words<Name>,
    /// Parts of the objects that `Name::Map` numbers, each with the name of the object.
    pub maps: Vec<(String, Words<Field>)>,
    /// Names in small letters: any other spelling of them stands for one of KubeArmor's, too.
    pub spellings: Words<Spelling>,
    /// What stands before the first dot of a name that Python puts right, in small letters.
    pub other_spellings: Words<()>,
    /// Names that an event's own field must not have, or that may hold an event: the same.
    pub reserved: Words<()>,
    /// Beginnings of such names.
    pub reserved_beginnings: Vec<String>,
    /// Types that make an object an event, in small letters.
    pub types: Words<()>,
    /// Operations that do.
    pub known_operations: Words<()>,
    /// Names under which others add the time.
    pub added_times: Words<()>,
    /// Keys of pieces, by name.
    pub tokens: Words<Field>,
    /// Keys that KubeArmor writes with a capital letter.
    pub capital_tokens: Words<()>,
    /// Pieces that say nothing: field and value.
    pub nothing: Vec<(Field, String)>,
    /// Fields of `nothing`.
    pub may_be_nothing: Fields,
    /// Whether a rule reads an entry of EventData.
    pub reads_event_data: bool,
    /// Whether a rule reads all of EventData as one value.
    pub reads_all_event_data: bool,
    /// The order of keys by system call, in capitals.
    pub calls: Words<Order>,
    /// The order of keys by the first key.
    pub heads: Words<Order>,
    /// Keys of a system call that is not known.
    pub any_call: Words<Field>,
    /// Keys behind an LSM hook.
    pub lsm: Words<Field>,
    /// Keys of a socket's address and of what the relay adds.
    pub socket: Words<Field>,
    /// Those of the address alone.
    pub address: Fields,
    /// Protocols that go by another name.
    pub protocols: Words<String>,
    /// Verbs by call, in capitals.
    pub verbs: Words<Word>,
    /// Operations by KubeArmor's word for them, in small letters.
    pub operations: Words<Operation>,
    /// All words.
    pub words: Vec<String>,
    /// What was done, in a sentence, by verb.
    pub deeds: Vec<String>,
    /// What an act's key calls the verb, by verb; empty for one that has none.
    pub verb_groups: Vec<String>,
    /// All classes.
    pub classes: Vec<Class>,
    by_words: HashMap<[Word; 5], usize, BuildHasherDefault<Folding>>,
    /// The fields that an event's id is made of, in their order.
    pub id_fields: Vec<Field>,
    /// The fields that tell a container from others.
    pub container_fields: Vec<Field>,
    /// Fields of KubeArmor's own events.
    pub raw: Fields,
    /// Fields that `drop` names.
    pub dropped: Fields,
}

impl Facts {
    /// Return the fields that an event has from its class.
    pub fn class_fields(&self) -> [Field; 8] {
        let ids = &self.ids;
        [
            ids.e_kind,
            ids.e_scope,
            ids.e_operation,
            ids.e_verb,
            ids.e_disposition,
            ids.e_class,
            ids.e_name,
            ids.role,
        ]
    }

    /// Return the text that a field has in all events of a class, None for a field of another kind.
    pub fn class_text<'c>(&self, class: &'c Class, field: Field) -> Option<&'c str> {
        let place = self.class_fields().iter().position(|it| *it == field)?;
        Some(&class.texts[place])
    }

    /// Read the facts.
    pub fn read(reader: &mut Reader<'_>) -> Result<Facts, Damage> {
        let mut dropped = Fields::default();
        let mut number = 0;
        let paths = reader.list(|r| {
            let path = Path {
                text: r.text()?,
                any_case: r.flag()?,
                listed: r.flag()?,
            };
            if r.flag()? {
                dropped.add(number);
            }
            number = number.saturating_add(1);
            Ok(path)
        })?;
        if paths.len() >= MOST_FIELDS {
            return reader.damage("no more fields than the engine has room for");
        }
        let many = paths.len();
        let mut fields = Words::default();
        for (number, path) in paths.iter().enumerate() {
            fields.insert(path.text.as_str().into(), number as Field);
        }
        let reads_event_data = paths
            .iter()
            .any(|path| path.text.starts_with("EventData.") && path.text != "EventData.rest");
        let reads_all_event_data = reader.flag()?;
        let ids = Ids::find(reader, |text| fields.get(text).copied())?;
        let raw = field_set(reader, many)?;
        let maps = reader.list(|r| Ok((r.text()?, words_of(r, |r| r.index(many))?)))?;
        let many_maps = maps.len();
        let name = |r: &mut Reader<'_>| {
            Ok(match r.byte()? {
                0 => Name::Text(r.index(many)?),
                1 => Name::Integer(r.index(many)?),
                2 => Name::List(r.index(many)?),
                3 => Name::Map(r.index(many_maps)?.into()),
                4 => Name::EventData(r.index(many)?),
                5 => Name::Own(r.index(many)?),
                _ => return r.damage("a kind of name"),
            })
        };
        let names = words_of(reader, name)?;
        let spellings = words_of(reader, |r| {
            Ok(Spelling {
                name: name(r)?,
                only_here: r.flag()?,
            })
        })?;
        let other_spellings = set_of(reader)?;
        let reserved = set_of(reader)?;
        let reserved_beginnings = reader.texts()?;
        let types = set_of(reader)?;
        let known_operations = set_of(reader)?;
        let added_times = set_of(reader)?;
        let tokens = words_of(reader, |r| r.index(many))?;
        let capital_tokens = set_of(reader)?;
        let nothing = reader.list(|r| Ok((r.index(many)?, r.text()?)))?;
        let mut may_be_nothing = Fields::default();
        nothing
            .iter()
            .for_each(|(field, _)| may_be_nothing.add(*field));
        let calls = words_of(reader, |r| order(r, many))?;
        let heads = words_of(reader, |r| order(r, many))?;
        let any_call = words_of(reader, |r| r.index(many))?;
        let lsm = words_of(reader, |r| r.index(many))?;
        let socket = words_of(reader, |r| r.index(many))?;
        let address = field_set(reader, many)?;
        let protocols = words_of(reader, Reader::text)?;
        let words = reader.texts()?;
        if words.len() > Word::MAX.into() {
            return reader.damage("no more words than the engine has room for");
        }
        let find = |text: &str| {
            words
                .iter()
                .position(|word| word == text)
                .map(|at| at as Word)
        };
        let is = WordIds::find(reader, find)?;
        let word = |r: &mut Reader<'_>| Ok(r.index(words.len())? as Word);
        let verbs = words_of(reader, word)?;
        let operations = words_of(reader, |r| {
            let operation = Operation {
                word: word(r)?,
                verbs: r.list(word)?,
                own: r.flag()?,
            };
            if operation.verbs.is_empty() {
                return r.damage("an operation with a verb");
            }
            Ok(operation)
        })?;
        let deeds = reader.texts()?;
        let verb_groups = reader.texts()?;
        if deeds.len() != words.len() || verb_groups.len() != words.len() {
            return reader.damage("a deed and a group for each word");
        }
        let mut by_words = HashMap::default();
        let classes = reader.list(|r| {
            let mut key = [0; 5];
            for place in &mut key {
                *place = word(r)?;
            }
            let mut texts: [String; 8] = Default::default();
            for (text, number) in texts.iter_mut().zip(key) {
                text.clone_from(&words[number as usize]);
            }
            for text in &mut texts[5..] {
                *text = r.text()?;
            }
            let number = by_words.len();
            by_words.insert(key, number);
            let kind = texts[0].clone();
            let in_container = key[1] == is.container;
            let (operation, verb) = (key[2], key[3]);
            Ok(Class {
                kind,
                texts,
                operation,
                verb,
                in_container,
                urgent: r.flag()?,
            })
        })?;
        let id_fields = reader.list(|r| r.index(many))?;
        let container_fields = reader.list(|r| r.index(many))?;
        Ok(Facts {
            paths,
            fields,
            ids,
            is,
            names,
            maps,
            spellings,
            other_spellings,
            reserved,
            reserved_beginnings,
            types,
            known_operations,
            added_times,
            tokens,
            capital_tokens,
            nothing,
            may_be_nothing,
            reads_event_data,
            reads_all_event_data,
            calls,
            heads,
            any_call,
            lsm,
            socket,
            address,
            protocols,
            verbs,
            operations,
            words,
            deeds,
            verb_groups,
            classes,
            by_words,
            id_fields,
            container_fields,
            raw,
            dropped,
        })
    }

    /// Return the class of kind, scope, operation, verb and disposition.
    pub fn class(&self, words: [Word; 5]) -> Option<usize> {
        self.by_words.get(&words).copied()
    }

    /// Return a field's path.
    pub fn path(&self, field: Field) -> &str {
        self.paths.get(field as usize).map_or("", |path| &path.text)
    }

    /// Tell whether `drop` names a field.
    #[inline]
    pub fn drops(&self, field: Field) -> bool {
        self.dropped.has(field)
    }
}

fn field_set(reader: &mut Reader<'_>, many: usize) -> Result<Fields, Damage> {
    let mut fields = Fields::default();
    reader
        .list(|r| r.index(many))?
        .into_iter()
        .for_each(|field| fields.add(field));
    Ok(fields)
}

/// Read texts, each with what is known of it.
pub fn words_of<'t, V>(
    reader: &mut Reader<'t>,
    mut value: impl FnMut(&mut Reader<'t>) -> Result<V, Damage>,
) -> Result<Words<V>, Damage> {
    let rows = reader.list(|r| Ok((r.text()?.into_boxed_str(), value(r)?)))?;
    Ok(rows.into_iter().collect())
}

/// Read a set of texts.
pub fn set_of(reader: &mut Reader<'_>) -> Result<Words<()>, Damage> {
    words_of(reader, |_| Ok(()))
}

fn order(reader: &mut Reader<'_>, many: usize) -> Result<Order, Damage> {
    let keys = reader.list(|r| Ok((r.text()?, r.index(many)?)))?;
    let separators = reader.text()?.chars().collect();
    if keys.is_empty() {
        return reader.damage("an order of keys");
    }
    Ok(Order { keys, separators })
}
