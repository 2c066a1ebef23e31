//! What Python calls, by ctypes (`cef_bridge/engine/native.py`): a table becomes a plan, and a plan runs over
//! blocks. One call a block, without the interpreter's lock; a panic in it becomes an answer.
//!
//! Who calls promises: pointers are what these functions gave, and not freed; a work area is used by
//! one thread at a time. What a run wrote stands until the next run of the same work area.

use std::slice;

use crate::arena::Arena;
use crate::block::{run, Block, Counts, End, Output, Plan, Row};
use crate::guard::guarded;
use crate::scan::line_end;
use crate::sorts::Look;

/// What one thread needs to run blocks.
#[derive(Default)]
pub struct Work {
    arena: Arena,
    output: Output,
    part: String,
    kinds: String,
    fault: String,
}

/// What a run came to, for Python. Texts are UTF-8.
#[repr(C)]
pub struct Answer {
    /// 0: done; 1: Python has to do the line at `at`; 2: the same, for this engine has a fault.
    end: u32,
    /// Where the line begins that is left.
    at: u64,
    /// Where the next one begins.
    next: u64,
    /// Where the fault is in the sources.
    fault: *const u8,
    fault_size: u64,
    messages: *const u8,
    messages_size: u64,
    rows: *const Row,
    rows_many: u64,
    elsewhere: *const u32,
    elsewhere_many: u64,
    looks: *const Look,
    looks_many: u64,
    counts: Counts,
}

/// What to run over: see `Block`.
#[repr(C)]
pub struct Question {
    bytes: *const u8,
    size: u64,
    from: u64,
    source: *const u8,
    source_size: u64,
    offset: u64,
    assumed_time: i64,
    has_assumed_time: u32,
    parts_wait: u32,
    sorts: u32,
    numbered: u32,
}

/// Return a plan of a table; null, and why not in `reason` (of `size` bytes, ended by a zero byte).
///
/// # Safety
/// `table` has `table_size` bytes, `reason` has `size` bytes.
#[no_mangle]
pub unsafe extern "C" fn cef_bridge_plan(
    table: *const u8,
    table_size: u64,
    reason: *mut u8,
    size: u64,
) -> *mut Plan {
    // SAFETY: the caller's promise.
    let (table, reason) = unsafe {
        (
            slice::from_raw_parts(table, table_size as usize),
            slice::from_raw_parts_mut(reason, size as usize),
        )
    };
    let why = match guarded(|| Plan::new(table)) {
        Ok(Ok(plan)) => return Box::into_raw(Box::new(plan)),
        Ok(Err(damage)) => damage.to_string(),
        Err(place) => format!("a fault of the engine, {place}"),
    };
    let kept = why.len().min(reason.len().saturating_sub(1));
    reason[..kept].copy_from_slice(&why.as_bytes()[..kept]);
    if let Some(end) = reason.get_mut(kept) {
        *end = 0;
    }
    std::ptr::null_mut()
}

/// Free a plan.
///
/// # Safety
/// It came from `cef_bridge_plan`, and is used no more.
#[no_mangle]
pub unsafe extern "C" fn cef_bridge_plan_free(plan: *mut Plan) {
    if !plan.is_null() {
        // SAFETY: the caller's promise.
        drop(unsafe { Box::from_raw(plan) });
    }
}

/// Return a work area.
#[no_mangle]
pub extern "C" fn cef_bridge_work() -> *mut Work {
    Box::into_raw(Box::default())
}

/// Free a work area.
///
/// # Safety
/// It came from `cef_bridge_work`, and is used no more.
#[no_mangle]
pub unsafe extern "C" fn cef_bridge_work_free(work: *mut Work) {
    if !work.is_null() {
        // SAFETY: the caller's promise.
        drop(unsafe { Box::from_raw(work) });
    }
}

/// Run a plan over a block.
///
/// # Safety
/// All pointers are valid, and nobody else has the work area.
#[no_mangle]
pub unsafe extern "C" fn cef_bridge_run(
    plan: *const Plan,
    work: *mut Work,
    question: *const Question,
    answer: *mut Answer,
) {
    // SAFETY: the caller's promise.
    let (plan, work, asked, answer) = unsafe { (&*plan, &mut *work, &*question, &mut *answer) };
    // SAFETY: the caller's promise about the texts of the question.
    let (bytes, source) = unsafe {
        (
            slice::from_raw_parts(asked.bytes, asked.size as usize),
            slice::from_raw_parts(asked.source, asked.source_size as usize),
        )
    };
    let block = Block {
        bytes,
        from: (asked.from as usize).min(bytes.len()),
        source,
        offset: asked.offset,
        numbered: asked.numbered != 0,
        assumed_time: (asked.has_assumed_time != 0).then_some(asked.assumed_time),
        parts_wait: asked.parts_wait != 0,
        sorts: asked.sorts != 0,
    };
    work.arena.clear();
    work.output.clear();
    work.fault.clear();
    let Work { arena, output, .. } = work;
    let (end, at, next) = match guarded(|| run(plan, arena, block, output)) {
        Ok(End::Done) => (0, bytes.len(), bytes.len()),
        Ok(End::Left(at, next)) => (1, at, next),
        Err(place) => {
            work.fault = place;
            // The line in hand is Python's; of its message nothing stays.
            output.mend();
            let end = line_end(bytes, output.at);
            (2, output.at, (end + 1).min(bytes.len()))
        }
    };
    *answer = Answer {
        end,
        at: at as u64,
        next: next as u64,
        fault: work.fault.as_ptr(),
        fault_size: work.fault.len() as u64,
        messages: output.messages.as_ptr(),
        messages_size: output.messages.len() as u64,
        rows: output.rows.as_ptr(),
        rows_many: output.rows.len() as u64,
        elsewhere: output.elsewhere.as_ptr(),
        elsewhere_many: output.elsewhere.len() as u64,
        looks: output.sorts.looks.as_ptr(),
        looks_many: output.sorts.looks.len() as u64,
        counts: output.counts,
    };
}

/// Messages of one lane, for Python.
#[repr(C)]
pub struct Part {
    messages: *const u8,
    messages_size: u64,
    many: u64,
    /// The message to go on from: behind the first one, but for a fault.
    next: u64,
}

/// Return messages of a lane: see `Output::part`. `lanes` has a byte for each message of the last
/// run.
///
/// # Safety
/// All pointers are valid, and nobody else has the work area.
#[no_mangle]
pub unsafe extern "C" fn cef_bridge_part(
    work: *mut Work,
    lanes: *const u8,
    lane: u32,
    first: u64,
    most: u64,
    most_bytes: u64,
    part: *mut Part,
) {
    // SAFETY: the caller's promise.
    let (work, answer) = unsafe { (&mut *work, &mut *part) };
    let Work { output, part, .. } = work;
    // SAFETY: the caller's promise about the lanes.
    let lanes = unsafe { slice::from_raw_parts(lanes, output.rows.len()) };
    let most = (most as usize, most_bytes as usize);
    let made = guarded(|| output.part((lanes, lane as u8), first as usize, most, part));
    let (many, next) = made.unwrap_or((0, 0)); // a fault: it does not go on
    *answer = Part {
        messages: part.as_ptr(),
        messages_size: part.len() as u64,
        many: many as u64,
        next: next as u64,
    };
}

/// Return the counts by kind since the last time as JSON, and its size in bytes at `size`.
///
/// # Safety
/// All pointers are valid, and nobody else has the work area.
#[no_mangle]
pub unsafe extern "C" fn cef_bridge_kinds(work: *mut Work, size: *mut u64) -> *const u8 {
    // SAFETY: the caller's promise.
    let (work, size) = unsafe { (&mut *work, &mut *size) };
    work.kinds = guarded(|| work.output.kinds.take()).unwrap_or_default();
    *size = work.kinds.len() as u64;
    work.kinds.as_ptr()
}

/// Return how many events there were of each sort since the work area was made, and how many sorts
/// at `many`.
///
/// # Safety
/// All pointers are valid, and nobody else has the work area.
#[no_mangle]
pub unsafe extern "C" fn cef_bridge_sorts(work: *const Work, many: *mut u64) -> *const u64 {
    // SAFETY: the caller's promise.
    let (work, many) = unsafe { (&*work, &mut *many) };
    let counts = &work.output.sorts.counts;
    *many = counts.len() as u64;
    counts.as_ptr()
}
