//! What a recorder says about a room it records or broadcasts (http-api.md section 3.4, meeting-protocol.md section 16.4).

use wire::pnm::{self, NatsSystemNotificationTypes as Severity, RecordingTasks as Task};

use crate::output::Moment;
use crate::state::Room;

/// A message of a recorder about this session.
#[derive(Debug, Clone, PartialEq)]
pub struct RecorderReport {
    /// What was done.
    pub task: Task,
    /// Whether it went well.
    pub went_well: bool,
    /// What other servers are told of the recording.
    pub recording: pnm::RecordingInfoEvent,
}

impl RecorderReport {
    /// The name of what happened, as webhooks know it; the task in lower case.
    pub const fn event(&self) -> &'static str {
        match self.task {
            Task::StartRecording => "start_recording",
            Task::StopRecording => "stop_recording",
            Task::StartRtmp => "start_rtmp",
            Task::StopRtmp => "stop_rtmp",
            Task::EndRecording => "end_recording",
            Task::EndRtmp => "end_rtmp",
            Task::RecordingProceeded => "recording_proceeded",
            Task::Stop => "stop",
            Task::RecordingTranscodingFinished => "recording_transcoding_finished",
        }
    }
}

impl Room {
    /// A recorder said something about this session: flags, notices for people, and other servers are told.
    pub fn on_recorder(&mut self, now: Moment, report: RecorderReport) {
        use Severity::{NatsSystemNotificationError as Error, NatsSystemNotificationInfo as Info};
        let event = report.event();
        let shown = match (report.task, report.went_well) {
            (Task::StartRecording, _) => {
                self.metadata.is_recording = true;
                Some((Info, "notifications.recording-started"))
            }
            (Task::EndRecording, went_well) => {
                self.metadata.is_recording = false;
                Some(ended(went_well, "notifications.recording-ended", "notifications.recording-ended-with-error"))
            }
            (Task::StartRtmp, _) => {
                self.metadata.is_active_rtmp = true;
                Some((Info, "notifications.rtmp-started"))
            }
            (Task::EndRtmp, went_well) => {
                self.metadata.is_active_rtmp = false;
                Some(ended(went_well, "notifications.rtmp-ended", "notifications.rtmp-ended-with-error"))
            }
            _ => None,
        };
        if let Some((severity, text)) = shown {
            self.metadata_changed();
            self.tell_room_metadata(now);
            let everybody = self.who(|_| true);
            self.notify(now, &everybody, severity, text, severity == Error);
        }
        let room = pnm::NotifyEventRoom {
            sid: Some(self.session.to_string()),
            room_id: Some(self.id.to_string()),
            ..pnm::NotifyEventRoom::default()
        };
        self.notify_outside(
            now,
            event,
            pnm::CommonNotifyEvent {
                room: Some(room),
                recording_info: Some(report.recording),
                ..pnm::CommonNotifyEvent::default()
            },
        );
    }
}

fn ended(went_well: bool, well: &'static str, badly: &'static str) -> (Severity, &'static str) {
    if went_well {
        (Severity::NatsSystemNotificationInfo, well)
    } else {
        (Severity::NatsSystemNotificationError, badly)
    }
}
