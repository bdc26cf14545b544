//! What a failure means for the rest of the course.

use backstop_vocabulary::{Class, Failure, Fault, Moment, Scope};

use super::{Course, Resuming, STALE_RETRIES_MAX, Tried};

/// How many targets may see a request that they call the caller's fault.
const POISON_MAX: u8 = 2;

/// Whether the same target may be tried again after this, once some time has passed.
pub(super) const fn may_repeat(class: Class) -> bool {
    match class {
        Class::DnsFailed
        | Class::ConnectFailed
        | Class::ConnectTimeout
        | Class::TlsFailed
        | Class::StaleConnection
        | Class::ConnectionReset
        | Class::ProtocolBroken
        | Class::FirstTokenTimeout
        | Class::Stalled
        | Class::Overloaded
        | Class::ServerError
        | Class::RateLimited
        | Class::Acceleration
        | Class::StreamCut
        | Class::BadAnswer
        | Class::EmptyAnswer
        | Class::GatewayBusy => true,
        Class::TargetOpened
        | Class::QuotaExhausted
        | Class::AuthRefused
        | Class::IdentityFailed
        | Class::ModelNotFound
        | Class::Redirected
        | Class::InvalidRequest
        | Class::ContextTooLong
        | Class::RequestTooLarge
        | Class::UnsupportedFeature
        | Class::MediaFailed
        | Class::SignatureRefused
        | Class::ContentRefused
        | Class::UnknownPath
        | Class::KeyRefused
        | Class::CallerLimited
        | Class::ClientLeft
        | Class::NoTarget
        | Class::RungExhausted
        | Class::DeadlinePassed
        | Class::LoopDetected
        | Class::GatewayFault => false,
    }
}

/// Whether the failure says something against the whole vendor: what belongs to a credential, a
/// pool of limits or the request does not.
pub(super) fn is_against_vendor(failure: &Failure) -> bool {
    failure.fault() == Fault::Provider
        && !matches!(
            failure.class,
            Class::RateLimited
                | Class::Acceleration
                | Class::QuotaExhausted
                | Class::AuthRefused
                | Class::IdentityFailed
                | Class::ModelNotFound
                | Class::StaleConnection
        )
}

impl Course {
    /// Takes in how an attempt failed. What it reaches is left out of the rest of the course.
    pub fn handle_failure(&mut self, now: Moment, candidate: usize, failure: &Failure) {
        let Some(record) = self.records.get_mut(candidate) else { return };
        record.last = Some(failure.class);
        record.failed_at = now;
        record.stay_away = failure.stay_away;
        record.not_before = None;
        if failure.class == Class::StaleConnection && self.stale < STALE_RETRIES_MAX {
            self.failures.push(Tried { candidate, failure: failure.clone() });
            return;
        }
        record.failures = record.failures.saturating_add(1);
        self.pending = None;
        self.failures.push(Tried { candidate, failure: failure.clone() });
        match failure.fault() {
            Fault::Caller => self.handle_caller_fault(candidate, failure),
            Fault::Gateway => self.handle_gateway_fault(candidate, failure),
            Fault::Provider => self.leave_out(candidate, failure.scope),
        }
        self.settle_doubt(failure);
    }

    /// Leaves out whatever else the failure would meet. The candidate itself stays, for a retry.
    fn leave_out(&mut self, candidate: usize, scope: Scope) {
        let failed = &self.candidates[candidate];
        for (index, other) in self.candidates.iter().enumerate() {
            if index != candidate && failed.shares(other, scope) {
                self.records[index].out = true;
            }
        }
    }

    fn handle_caller_fault(&mut self, candidate: usize, failure: &Failure) {
        let vendor = self.candidates[candidate].vendor;
        let window = self.candidates[candidate].context_tokens_max.unwrap_or(0);
        let class = failure.class;
        // A client's own credential that its provider refuses is none of another target's business.
        let elsewhere = [Class::UnsupportedFeature, Class::SignatureRefused, Class::KeyRefused];
        if elsewhere.contains(&class) {
            self.misfit.get_or_insert_with(|| failure.clone());
        } else if class == Class::ContextTooLong {
            self.misfit = Some(failure.clone());
            self.count_poison(failure);
            self.leave_out_where(|other| other.context_tokens_max.is_none_or(|max| max <= window));
        } else if class == Class::RequestTooLarge {
            self.misfit = Some(failure.clone());
            self.count_poison(failure);
            self.leave_out_where(|other| other.vendor == vendor);
        } else if class == Class::InvalidRequest
            && self.doubted.is_none()
            && self.resuming == Resuming::No
        {
            self.doubted = Some(Tried { candidate, failure: failure.clone() });
            self.count_poison(failure);
        } else {
            // Nobody shops for a laxer model, and two vendors that agree are right.
            self.verdict.get_or_insert_with(|| failure.clone());
        }
    }

    fn handle_gateway_fault(&mut self, candidate: usize, failure: &Failure) {
        if failure.class == Class::GatewayFault {
            self.verdict = Some(failure.clone());
        } else if failure.class == Class::LoopDetected {
            self.records[candidate].out = true;
            self.leave_out(candidate, Scope::Endpoint);
        } else {
            self.leave_out(candidate, failure.scope);
        }
    }

    fn leave_out_where(&mut self, rule: impl Fn(&crate::Candidate) -> bool) {
        for (record, other) in self.records.iter_mut().zip(&self.candidates) {
            record.out |= rule(other);
        }
    }

    fn count_poison(&mut self, failure: &Failure) {
        self.poison += 1;
        if self.poison >= POISON_MAX {
            self.verdict.get_or_insert_with(|| failure.clone());
        }
    }

    /// Whatever the second vendor met, the caller hears the first refusal.
    fn settle_doubt(&mut self, failure: &Failure) {
        if let Some(doubted) = &self.doubted
            && (failure.class != Class::InvalidRequest || self.verdict.is_some())
        {
            self.verdict = Some(doubted.failure.clone());
        }
    }
}
