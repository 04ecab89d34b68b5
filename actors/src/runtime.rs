//! The one file that names the actor framework.
//!
//! Two shapes of actor are all the house needs: [`Owner`], which handles one command at a time
//! and is rebuilt from its seed after a panic; and [`Batcher`], which collects commands while a
//! batch is under way and then runs all that came. Both have bounded queues.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix::prelude::*;
use futures_util::FutureExt as _;

use crate::error::Error;

/// How many commands may wait at an owner.
const OWNER_MAILBOX: usize = 256;
/// How many commands one batch takes.
pub(crate) const BATCH: usize = 256;
/// How many commands may wait at a batcher: beyond it callers are told to come back.
const BATCH_QUEUE: usize = 8 * BATCH;

/// A plain struct that owns state and changes it one command at a time.
pub(crate) trait Owner: Sized + Unpin + 'static {
    /// What it can be told.
    type Command: Send + 'static;
    /// What it is built from, again after a panic.
    type Seed: Clone + Send + Unpin + 'static;

    /// Builds the owner.
    fn build(seed: Self::Seed) -> Self;
    /// Handles one command; the next one waits.
    fn handle(&mut self, command: Self::Command) -> impl Future<Output = ()>;
}

/// Runs commands in batches.
pub(crate) trait Batcher: Clone + Unpin + Send + 'static {
    /// What it can be told. Dropping one must tell its sender.
    type Command: Send + Unpin + 'static;

    /// Runs at most [`BATCH`] commands.
    fn run(self, batch: Vec<Self::Command>) -> impl Future<Output = ()>;
}

/// Where commands for one actor go.
pub(crate) struct Mailbox<C: Send + 'static>(Recipient<Envelope<C>>);

impl<C: Send + 'static> Clone for Mailbox<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C: Send + 'static> Mailbox<C> {
    /// Sends a command without waiting for it to be handled.
    ///
    /// # Errors
    /// [`Error::Full`] or [`Error::Restarting`]; the command is dropped.
    pub(crate) fn send(&self, command: C) -> Result<(), Error> {
        self.0.try_send(Envelope(command)).map_err(|e| match e {
            SendError::Full(_) => Error::Full,
            SendError::Closed(_) => Error::Restarting,
        })
    }
}

/// A fixed set of threads that actors live on.
#[derive(Clone)]
pub(crate) struct Threads {
    arbiters: Arc<[ArbiterHandle]>,
    next: Arc<AtomicUsize>,
}

impl Threads {
    /// Starts `n` threads, at least one. Must be called inside a running system.
    pub(crate) fn start(n: usize) -> Self {
        let arbiters = (0..n.max(1)).map(|_| Arbiter::new().handle()).collect();
        Self { arbiters, next: Arc::default() }
    }

    fn pick(&self) -> &ArbiterHandle {
        let n = self.next.fetch_add(1, Ordering::Relaxed) % self.arbiters.len();
        #[expect(clippy::indexing_slicing, reason = "n is below the length, which is not zero")]
        &self.arbiters[n]
    }

    /// Starts an owner on one of the threads.
    pub(crate) fn owner<O: Owner>(&self, seed: O::Seed) -> Mailbox<O::Command> {
        Mailbox(self.actor(OWNER_MAILBOX, move || {
            let owner = Some(O::build(seed.clone()));
            OwnerActor { owner, seed }
        }))
    }

    /// Starts a batcher on one of the threads.
    pub(crate) fn batcher<B: Batcher>(&self, batcher: B) -> Mailbox<B::Command> {
        let actor = move || BatchActor { batcher, queue: Vec::new(), busy: false };
        Mailbox(self.actor(BATCH_QUEUE, actor))
    }

    /// Starts an actor whose mailbox has its bound from the first message on: one that the actor
    /// sets itself, when it runs, comes too late for those.
    fn actor<A, C>(
        &self,
        bound: usize,
        build: impl FnOnce() -> A + Send + 'static,
    ) -> Recipient<Envelope<C>>
    where
        A: Actor<Context = Context<A>> + Handler<Envelope<C>>,
        C: Send + 'static,
    {
        let (sender, receiver) = dev::channel::channel(bound);
        self.pick().spawn_fn(move || {
            Context::with_receiver(receiver).run(build());
        });
        Addr::new(sender).recipient()
    }

    /// Runs a task on one of the threads until it ends or the threads stop.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.pick().spawn(task);
    }

    /// Stops the threads. What is in their queues is dropped, and its senders are told.
    pub(crate) fn stop(&self) {
        for arbiter in self.arbiters.iter() {
            arbiter.stop();
        }
    }
}

/// Runs a test inside an actor system.
#[cfg(test)]
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    System::new().block_on(test)
}

#[derive(Message)]
#[rtype(result = "()")]
struct Envelope<C: Send + 'static>(C);

struct OwnerActor<O: Owner> {
    owner: Option<O>,
    seed: O::Seed,
}

impl<O: Owner> Actor for OwnerActor<O> {
    type Context = Context<Self>;
}

impl<O: Owner> Handler<Envelope<O::Command>> for OwnerActor<O> {
    // Atomic: no other message is handled until this one's future is done, so that the owner can
    // leave the actor for the time of an await.
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, message: Envelope<O::Command>, _: &mut Self::Context) -> Self::Result {
        let mut owner = self.owner.take().unwrap_or_else(|| O::build(self.seed.clone()));
        let work = async move {
            let done = AssertUnwindSafe(owner.handle(message.0)).catch_unwind().await;
            done.is_ok().then_some(owner)
        };
        AtomicResponse::new(Box::pin(work.into_actor(self).map(|owner, actor, _| {
            if owner.is_none() {
                // The framework does not restart after a panic. What the owner held is rebuilt
                // from its seed; the command's sender sees its reply channel close.
                tracing::error!("a command panicked; its owner is rebuilt");
            }
            actor.owner = owner;
        })))
    }
}

struct BatchActor<B: Batcher> {
    batcher: B,
    queue: Vec<B::Command>,
    busy: bool,
}

impl<B: Batcher> Actor for BatchActor<B> {
    type Context = Context<Self>;
}

impl<B: Batcher> BatchActor<B> {
    fn run_next(&mut self, ctx: &mut Context<Self>) {
        self.busy = !self.queue.is_empty();
        if !self.busy {
            return;
        }
        let batch: Vec<_> = self.queue.drain(..self.queue.len().min(BATCH)).collect();
        let work = AssertUnwindSafe(self.batcher.clone().run(batch)).catch_unwind();
        ctx.spawn(work.into_actor(self).map(|done, actor, ctx| {
            if done.is_err() {
                tracing::error!("a batch panicked; its commands were dropped");
            }
            actor.run_next(ctx);
        }));
    }
}

impl<B: Batcher> Handler<Envelope<B::Command>> for BatchActor<B> {
    type Result = ();

    fn handle(&mut self, message: Envelope<B::Command>, ctx: &mut Self::Context) {
        if self.queue.len() >= BATCH_QUEUE {
            return; // Dropped: its reply channel closes, which the sender reads as "full".
        }
        self.queue.push(message.0);
        if !self.busy {
            self.run_next(ctx);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::sync::oneshot;

    struct Counter(u32);

    enum Ask {
        Add(oneshot::Sender<u32>),
        Panic(oneshot::Sender<u32>),
    }

    impl Owner for Counter {
        type Command = Ask;
        type Seed = u32;

        fn build(seed: u32) -> Self {
            Self(seed)
        }

        async fn handle(&mut self, command: Ask) {
            match command {
                Ask::Add(reply) => {
                    let before = self.0;
                    // Another command handled meanwhile would be lost.
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    self.0 = before + 1;
                    let _ = reply.send(self.0);
                }
                Ask::Panic(_reply) => panic!("on purpose"),
            }
        }
    }

    fn ask(
        mailbox: &Mailbox<Ask>,
        command: impl FnOnce(oneshot::Sender<u32>) -> Ask,
    ) -> oneshot::Receiver<u32> {
        let (reply, answer) = oneshot::channel();
        mailbox.send(command(reply)).expect("there is room");
        answer
    }

    #[test]
    fn commands_never_overlap_and_a_panic_rebuilds_only_its_owner() {
        System::new().block_on(async {
            let threads = Threads::start(1);
            let (first, second) = (threads.owner::<Counter>(10), threads.owner::<Counter>(20));
            let answers: Vec<_> = (0..5).map(|_| ask(&first, Ask::Add)).collect();
            let mut counted = Vec::new();
            for answer in answers {
                counted.push(answer.await.expect("answered"));
            }
            assert_eq!(counted, [11, 12, 13, 14, 15]);
            assert_eq!(ask(&second, Ask::Add).await, Ok(21));
            assert!(ask(&first, Ask::Panic).await.is_err());
            assert_eq!(ask(&first, Ask::Add).await, Ok(11), "rebuilt from its seed");
            assert_eq!(ask(&second, Ask::Add).await, Ok(22), "not touched");
            threads.stop();
        });
    }

    #[test]
    fn a_full_mailbox_refuses() {
        System::new().block_on(async {
            let threads = Threads::start(1);
            let mailbox = threads.owner::<Counter>(0);
            let sent: Vec<_> = (0..10 * OWNER_MAILBOX)
                .map(|_| {
                    let (reply, answer) = oneshot::channel();
                    (mailbox.send(Ask::Add(reply)), answer)
                })
                .collect();
            let refused = sent.iter().filter(|(s, _)| matches!(s, Err(Error::Full))).count();
            assert!(refused > 0 && refused < sent.len());
            threads.stop();
        });
    }

    #[derive(Clone)]
    struct Sizes(Arc<std::sync::Mutex<Vec<usize>>>);

    impl Batcher for Sizes {
        type Command = oneshot::Sender<()>;

        async fn run(self, batch: Vec<oneshot::Sender<()>>) {
            self.0.lock().expect("not poisoned").push(batch.len());
            tokio::time::sleep(Duration::from_millis(5)).await;
            for reply in batch {
                let _ = reply.send(());
            }
        }
    }

    #[test]
    fn what_comes_during_a_batch_is_the_next_batch() {
        System::new().block_on(async {
            let threads = Threads::start(1);
            let sizes = Arc::default();
            let mailbox = threads.batcher(Sizes(Arc::clone(&sizes)));
            let answers: Vec<_> = (0..600)
                .map(|_| {
                    let (reply, answer) = oneshot::channel();
                    mailbox.send(reply).expect("there is room");
                    answer
                })
                .collect();
            for answer in answers {
                answer.await.expect("every command is run");
            }
            let sizes = sizes.lock().expect("not poisoned").clone();
            assert_eq!(sizes.iter().sum::<usize>(), 600);
            assert!(sizes.len() < 10 && sizes.iter().all(|n| *n <= BATCH), "{sizes:?}");
            threads.stop();
        });
    }
}
