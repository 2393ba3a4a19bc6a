/**
 * Why the server did not do something, in the reader's language. It speaks English sentences, which other clients show
 * as they are; those that somebody can meet in this client are known here. Loaded with the meeting.
 */
import type { TextKey } from "../i18n/keys";
import type { NoticeText } from "./notices";

/** What the server says, and how we say it; a number in it is the text's `count`. */
const KNOWN: readonly (readonly [RegExp, TextKey])[] = [
  [/^only (?:a moderator|admin) can (?:do this|perform this task)$/u, "refused.hostsOnly"],
  [/^only the presenter can do this$/u, "refused.presenterOnly"],
  [/^this room does not offer it$/u, "refused.off"],
  [/^locked by a moderator$/u, "refused.locked"],
  [/^notifications\.device-locked$/u, "refused.deviceLocked"],
  [/^notifications\.cannot-lock-admin$/u, "refused.hostLock"],
  [/^waiting for approval$/u, "refused.waiting"],
  [/^this participant (?:only watches|has no part in it)$/u, "refused.watches"],
  [/^user(?:'s metadata)? not found$|^user isn't active now$/u, "refused.gone"],
  [/^you can't remove yourself"?$/u, "refused.notYourself"],
  [/^too many users in the spotlight$/u, "refused.spotlightFull"],
  [/^the meeting is at rest already$/u, "refused.resting"],
  [/^the meeting is not at rest$/u, "refused.notResting"],
  [/^too many (?:requests|connections), try again in a moment$/u, "refused.tooFast"],
  [/^the meeting cannot be changed now$/u, "refused.later"],
  [/^room (?:is not active|not found.*|isn't running)$/u, "refused.noRoom"],
  [/^(?:the address is not allowed|invalid url|valid url required)$/u, "refused.address"],
  [/^a poll needs a question and 2 to (\d+) options$/u, "refused.pollOptions"],
  [/^this room has too many polls$/u, "refused.tooManyPolls"],
  [/^poll not found$/u, "refused.noPoll"],
  [/^this poll is closed$/u, "refused.pollClosed"],
  [/^user already voted$/u, "refused.voted"],
  [/^this poll is anonymous$/u, "refused.pollAnonymous"],
  [/^no breakout rooms found$/u, "refused.noRooms"],
  [/^can't create more than (\d+) breakout rooms$/u, "refused.tooManyRooms"],
  [
    /^breakout room's duration \(\d+\) can't be more than parent room's remaining duration \((\d+)\)$/u,
    "refused.tooLong",
  ],
  [/^can't increase duration as breakout room is not running$/u, "refused.roomOver"],
  [/^can't increase duration as breakout room has unlimited duration$/u, "refused.roomUnlimited"],
  [/^user is not allowed to join this breakout room$/u, "refused.otherRoom"],
  [/^user has already been joined$/u, "refused.isThere"],
  [/^help was asked for a moment ago$/u, "refused.helpAsked"],
  [/^the meeting can't last longer than (\d+) minutes$/u, "refused.meetingTooLong"],
  [/^this room has no end to put off$/u, "refused.noEnd"],
  [/^'.*' is not an allowed file type$|^invalid: can't determine file type$/u, "refused.fileType"],
  [/^file too large: max allowed is (\d+)MB$/u, "refused.fileSize"],
  [/^the room's storage is full: max allowed is (\d+)MB$/u, "refused.storageFull"],
  [/^the room has too many files: max allowed is (\d+)$/u, "refused.tooManyFiles"],
  [/^too many uploads at the same time$/u, "refused.tooManyUploads"],
];

/** `otherwise` is said where the server gave no reason; one it has never given before is shown as it came. */
export function refusalText(reason: string, otherwise: TextKey): NoticeText {
  if (reason === "") return { key: otherwise };
  for (const [said, key] of KNOWN) {
    const match = said.exec(reason);
    if (match) return match[1] ? { key, values: { count: Number(match[1]) } } : { key };
  }
  return { plain: reason };
}
