/// What of a request a target would not take, where it said so by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A last turn of the assistant, to go on from.
    Prefill,
    /// Tools while it reasons, in the dialect that was used.
    ToolsWithReasoning {
        /// Whether it says that it takes them when it is told not to reason.
        unless_off: bool,
    },
    /// The ids of calls: it takes nine letters and digits, no more and no less.
    CallIds,
    /// A field, by the path that the target gave it: `temperature`, `messages[0].name`. Letters,
    /// digits and `_-.[]` only.
    Field(Box<str>),
    /// The value of that field; another value may do.
    Value(Box<str>),
    /// A field that the target wants under another name.
    Renamed {
        /// The name that was sent.
        from: Box<str>,
        /// The name it wants.
        to: Box<str>,
    },
    /// Two fields at once, of which one may go.
    Both {
        /// The one that stays.
        stays: Box<str>,
        /// The one that goes.
        goes: Box<str>,
    },
}
