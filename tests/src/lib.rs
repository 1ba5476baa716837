//! Harness for behaviour tests.
