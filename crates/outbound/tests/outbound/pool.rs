//! Connections are kept, and never used where they could mix up two exchanges.

use crate::common::{Core, on_one_core};
use sortie_testkit::upstream::RecordingUpstream;

#[test]
fn a_connection_is_used_again_after_a_clean_end() {
    let upstream = RecordingUpstream::answering("hello");
    on_one_core(async {
        let core = Core::to(&upstream.url());
        for _ in 0..5 {
            assert_eq!(core.fetch("/x").await.1.unwrap(), "hello");
        }
    });
    assert_eq!((upstream.requests().len(), upstream.connections()), (5, 1));
}
