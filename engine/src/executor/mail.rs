//! What reaches a run while it is executed: messages of its inbox.

use super::open;
use super::task::Task;
use crate::engine::{Message, RunFailure};
use crate::node::Wake;
use crate::run::{Event, Place, Refusal, place_of_key};
use crate::store::cross_tenant::claim::Mail;
use crate::text;

impl Task {
    /// Works a message in: once, in the checkpoint that consumes it.
    pub(super) fn work_in(&mut self, mail: &Mail) {
        if self.read.contains(&mail.id) {
            return;
        }
        let now = self.clock_now();
        let message = open::message(&self.key, mail);
        if let Ok(Message::Wake { place, .. }) = &message
            && self.is_in_flight(place)
        {
            // What it wakes is durable and not known here yet.
            self.early.push(mail.clone());
            return;
        }
        self.read.insert(mail.id);
        self.buffer().consume(mail.id);
        let event = match message {
            Ok(Message::Cancel) => Event::Cancelled,
            Ok(Message::CancelledBy(name)) => {
                self.stopped = Some(cancelled_by(&name));
                Event::Cancelled
            }
            Ok(Message::Replaced) => {
                self.stopped = Some(Refusal::Replaced.into());
                Event::Cancelled
            }
            Ok(Message::Answer { place, answer }) => {
                self.now = mail.sent_at;
                Event::Answered(place, answer, mail.sent_at)
            }
            Ok(Message::Wake {
                place,
                attempt,
                wake,
            }) => {
                if let Some(waiting) = self.run.waiting(&place, attempt) {
                    self.wake(waiting, wake, mail.sent_at);
                }
                return;
            }
            Ok(Message::Event(event)) => {
                for key in self.run.waiting_for(&event) {
                    if let Some(waiting) = self.run.waiting_at(&key) {
                        self.wake(waiting, Wake::Event(event.clone()), mail.sent_at);
                    }
                }
                if !self.cancel_on.as_ref().is_some_and(|on| on.is(&event)) {
                    return;
                }
                self.stopped = Some(cancelled_by(&event.name));
                Event::Cancelled
            }
            Err(error) => {
                tracing::error!(%error, run = %self.fence.run, "a message cannot be read");
                return;
            }
        };
        let applied = self.run.apply(event, now);
        self.applied(applied);
    }

    fn is_in_flight(&self, place: &Place) -> bool {
        let plan = self.run.plan();
        self.flights
            .keys()
            .any(|key| place_of_key(plan, key) == *place)
    }
}

/// What a run that a person stopped says of its end.
fn cancelled_by(name: &str) -> RunFailure {
    RunFailure {
        code: "run.cancelled".to_owned(),
        message: text!("{name} cancelled it", name),
        step: None,
    }
}
