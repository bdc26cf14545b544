//! A scenario's clients, driven through one way of coping with outages, and what they got.
//!
//! `replay` does it in virtual time over pipes, `demo` in real time over sockets: what differs is
//! the [`backstop_providers::Dial`] underneath and nothing else.
//!
//! Start reading at [`drive`].

mod caller;
mod drive;
mod gates;
mod ladder;
mod ledger;
mod shown;
mod terminals;

pub(crate) use caller::Caller;
pub(crate) use drive::{Site, Way, drive};
pub(crate) use gates::{Gate, check, check_whole, notes};
pub(crate) use ladder::{Stage, of_scenario, of_settings};
pub(crate) use ledger::{Ledger, Lost, Shared};
pub(crate) use shown::table;
