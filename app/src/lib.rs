//! Multi-tenant identity platform: one binary.
