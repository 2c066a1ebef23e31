//! Runs a table over a file so many times: for profilers, which count what the engine alone does.
//!
//! `cargo run --release --example run -- TABLE EVENTS TIMES`; `cef-bridge mapping show NAME --table`
//! says what is in a table.

use cef_bridge_engine::arena::Arena;
use cef_bridge_engine::block::{run, Block, End, Output, Plan};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let mut next = || words.next().ok_or("expected TABLE EVENTS TIMES");
    let table = std::fs::read(next()?)?;
    let events = std::fs::read(next()?)?;
    let times: usize = next()?.parse()?;
    let size: usize = std::env::var("SIZE").map_or(18, |it| it.parse().unwrap_or(18));
    let plan = Plan::new(&table).map_err(|damage| damage.to_string())?;
    let (mut arena, mut output) = (Arena::default(), Output::default());
    let (mut left, mut written) = (0, 0);
    for _ in 0..times {
        let mut from = 0;
        while from < events.len() {
            let end = events[from..events.len().min(from + (1 << size))]
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(events.len(), |at| from + at + 1);
            let mut at = from;
            while at < end {
                arena.clear();
                output.clear();
                let block = Block {
                    bytes: &events[..end],
                    from: at,
                    source: b"source",
                    offset: 0,
                    assumed_time: None,
                    parts_wait: false,
                    sorts: false,
                    numbered: false,
                };
                at = match run(&plan, &arena, block, &mut output) {
                    End::Done => end,
                    End::Left(_, next) => {
                        left += 1;
                        next
                    }
                };
                written += output.messages.len();
            }
            from = end;
        }
    }
    println!("{written} bytes, {left} lines left");
    Ok(())
}
