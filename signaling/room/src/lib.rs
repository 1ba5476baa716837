//! Meeting rules, pure.
