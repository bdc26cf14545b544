/// How a server departs from the Chat Completions it imitates.
///
/// What a model can do is in [`crate::Abilities`]; this is about who serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a set of independent habits, not a state")]
pub struct Habits {
    /// Fields that it answers with an error, in the dialect's own words; `messages.name` is the name
    /// of a speaker.
    pub refuses: &'static [&'static str],
    /// Its word for `seed`.
    pub seed: &'static str,
    /// Which ids of calls it takes.
    pub call_ids: CallIds,
    /// How it is asked to continue a last assistant turn; `None` leaves it to the model.
    pub prefill: Option<Prefill>,
    /// Wants the thought back that led to a call.
    pub wants_thoughts: bool,
    /// Does as it is told which tool to call.
    pub heeds_tool_choice: bool,
    /// Takes images at an address.
    pub fetches_images: bool,
    /// Obeys a JSON schema, where the model does.
    pub schema: bool,
    /// Takes stop strings, where the model does.
    pub stop: bool,
}

/// The ids of calls that a server takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallIds {
    /// Up to 40 of `[A-Za-z0-9_-]`.
    Usual,
    /// Nine of `[A-Za-z0-9]`.
    Nine,
}

/// How a server is asked to continue a last assistant turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefill {
    /// By that turn alone.
    Plain,
    /// By `continue_final_message` and `add_generation_prompt`.
    Flags,
}

impl Habits {
    /// A server that takes whatever Chat Completions has.
    pub const PLAIN: Self = Self {
        refuses: &[],
        seed: "seed",
        call_ids: CallIds::Usual,
        prefill: None,
        wants_thoughts: false,
        heeds_tool_choice: true,
        fetches_images: true,
        schema: true,
        stop: true,
    };

    /// Whether the field is answered with an error.
    pub fn refuse(&self, field: &str) -> bool {
        self.refuses.contains(&field)
    }

    /// Whether a request made for another server may be refused here, or mean something else: not for
    /// the sake of images alone, which are fetched or make the server unfit.
    pub fn is_peculiar(&self) -> bool {
        Self { fetches_images: true, ..*self } != Self::PLAIN
    }
}

impl Default for Habits {
    fn default() -> Self {
        Self::PLAIN
    }
}
