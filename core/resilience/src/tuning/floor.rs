/// The traffic a lowered share never falls below.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FloorTuning {
    /// Requests per second while the evidence leans to health.
    pub rate: f32,
    /// Requests in flight while the evidence leans to health.
    pub in_flight: u32,
    /// Requests per second while the evidence leans to a brown-out: enough for 1 request a minute
    /// to pass whole, little enough that 1 request a second is not failed twice over.
    pub suspect_rate: f32,
}

impl Default for FloorTuning {
    fn default() -> Self {
        Self { rate: 1.0, in_flight: 2, suspect_rate: 0.1 }
    }
}
