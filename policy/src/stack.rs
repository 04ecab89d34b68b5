//! Room for Cedar's recursion.

use crate::Finding;

/// Cedar's parser takes a dozen calls for each bracket, and the conversions of its trees are not
/// thrifty either. Only touched pages take memory.
const STACK: usize = 64 * 1024 * 1024;

/// The niceness of the thread: a third of what a thread that serves gets where both want a core,
/// so that whoever asks for decisions does not wait for whoever changes policies.
#[cfg(target_os = "linux")]
const NICE: i32 = 5;

/// Does work on a thread of its own, whose stack is large enough for everything that
/// [`crate::scan`] lets through, and which lets threads that serve go first.
pub(crate) fn roomy<T: Send>(
    work: impl FnOnce() -> Result<T, Vec<Finding>> + Send,
) -> Result<T, Vec<Finding>> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("policies".to_owned()).stack_size(STACK);
        let work = move || {
            // Where a thread has no niceness of its own, it competes as it always did.
            #[cfg(target_os = "linux")]
            let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
            work()
        };
        match thread.spawn_scoped(scope, work) {
            Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(error) => Err(vec![Finding::new(
                "policies",
                format!("there is no thread to compile: {error}"),
            )]),
        }
    })
}
