use backstop_vocabulary::Chance;

/// A request to go on with an answer that broke off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continuation {
    /// The part that was delivered.
    pub partial: String,
    /// Whether it came as a last assistant turn, which models continue exactly or refuse.
    pub prefill: bool,
}

/// What a model makes of such a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContinuationMode {
    /// It goes on at the very next character.
    Exact,
    /// It repeats the last words and goes on.
    Overlap,
    /// It says the whole answer again.
    StartOver,
    /// It gives another answer.
    Rephrase,
}

/// How often models do which; the numbers are weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContinuationMix {
    /// Weight of [`ContinuationMode::Exact`].
    pub exact: f64,
    /// Weight of [`ContinuationMode::Overlap`].
    pub overlap: f64,
    /// Weight of [`ContinuationMode::StartOver`].
    pub start_over: f64,
    /// Weight of [`ContinuationMode::Rephrase`].
    pub rephrase: f64,
}

impl Default for ContinuationMix {
    /// An estimate: instructed models mostly obey. No published figure exists.
    fn default() -> Self {
        Self { exact: 0.7, overlap: 0.2, start_over: 0.1, rephrase: 0.0 }
    }
}

impl ContinuationMix {
    /// Draws a mode.
    pub(crate) fn draw(&self, chance: &mut Chance) -> ContinuationMode {
        let modes = [
            (ContinuationMode::Exact, self.exact),
            (ContinuationMode::Overlap, self.overlap),
            (ContinuationMode::StartOver, self.start_over),
            (ContinuationMode::Rephrase, self.rephrase),
        ];
        crate::sample::weighted(&modes, chance).copied().unwrap_or(ContinuationMode::Exact)
    }
}
