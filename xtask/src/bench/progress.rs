//! One line that says what is being done.

use std::io::{IsTerminal as _, Write as _, stdout};

/// On a terminal the line is written over and over; elsewhere each step is one line.
pub(super) struct Progress {
    step: usize,
    steps: usize,
    what: String,
    is_terminal: bool,
}

impl Progress {
    pub(super) fn new(steps: usize) -> Self {
        Self { step: 0, steps, what: String::new(), is_terminal: stdout().is_terminal() }
    }

    /// The next step begins.
    pub(super) fn step(&mut self, what: &str) {
        self.step += 1;
        self.what = what.to_owned();
        if self.is_terminal {
            self.show("");
        } else {
            println!("[{}/{}] {what}", self.step, self.steps);
        }
    }

    /// The step has come this far.
    pub(super) fn round(&mut self, round: usize, rounds: usize) {
        if self.is_terminal {
            self.show(&format!(" · round {round} of {rounds}"));
        }
    }

    /// Makes room for the results.
    pub(super) fn end(&self) {
        if self.is_terminal {
            print!("\r\x1b[K");
        }
    }

    fn show(&self, detail: &str) {
        print!("\r\x1b[K[{}/{}] {}{detail}", self.step, self.steps, self.what);
        // Fails only if nobody looks.
        let _ = stdout().flush();
    }
}
