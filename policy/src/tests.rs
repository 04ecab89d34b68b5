//! Tests of the whole: what is compiled is compared with what Cedar itself says.

mod conformance;
mod examples;
mod properties;
