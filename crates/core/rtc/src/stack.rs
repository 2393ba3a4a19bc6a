//! The WebRTC stack, and whether there may be something to get from it.
//!
//! Asked for output it looks at everything it has, each time. Most of what a peer does is to send media, which the stack
//! knows nothing of; as long as nobody touched it there is nothing new.

use std::ops::{Deref, DerefMut};
use str0m::{Output, Rtc, RtcError};

/// See the [module](self). Whoever takes it to change something wakes it.
#[derive(Debug)]
pub(crate) struct Stack {
    /// On the heap, so that whoever holds peers in a table can leave places empty.
    rtc: Box<Rtc>,
    is_settled: bool,
}

impl Stack {
    pub(crate) fn new(rtc: Rtc) -> Self {
        Self { rtc: Box::new(rtc), is_settled: false }
    }

    /// The next thing it wants, if it may want something.
    ///
    /// # Errors
    /// The connection failed for good.
    pub(crate) fn poll(&mut self) -> Result<Option<Output>, RtcError> {
        if self.is_settled {
            return Ok(None);
        }
        let output = self.rtc.poll_output()?;
        self.is_settled = matches!(output, Output::Timeout(_));
        Ok(Some(output))
    }
}

impl Deref for Stack {
    type Target = Rtc;

    fn deref(&self) -> &Rtc {
        &self.rtc
    }
}

impl DerefMut for Stack {
    fn deref_mut(&mut self) -> &mut Rtc {
        self.is_settled = false;
        &mut self.rtc
    }
}
