//! What the OAuth endpoints and the hosted pages share: the browser at the other end, the pending
//! request that travels through the pages, and the step from one page to the next.

pub mod browser;
pub mod browser_state;
pub mod cut_off;
pub mod device;
pub mod frames;
pub mod guard;
pub mod input;
pub mod page;
pub mod pending;
pub mod portal;
pub mod proceed;
pub mod respond;
pub mod risk;
pub mod roles;
pub mod sign_out;
pub mod start;
pub mod tokens;
pub mod verified;
