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
        let addr = OwnerActor::<O>::start_in_arbiter(self.pick(), move |ctx| {
            ctx.set_mailbox_capacity(OWNER_MAILBOX);
            OwnerActor { owner: Some(O::build(seed.clone())), seed }
        });
        Mailbox(addr.recipient())
    }

    /// Starts a batcher on one of the threads.
    pub(crate) fn batcher<B: Batcher>(&self, batcher: B) -> Mailbox<B::Command> {
        let addr = BatchActor::start_in_arbiter(self.pick(), move |ctx| {
            ctx.set_mailbox_capacity(BATCH_QUEUE);
            BatchActor { batcher, queue: Vec::new(), busy: false }
        });
        Mailbox(addr.recipient())
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
