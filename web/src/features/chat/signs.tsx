import { useTranslation } from "react-i18next";
import { Emoji } from "../../kit/emoji";
import { useSelected } from "../../kit/use-store";
import type { Entry } from "../../session/chat";
import type { People } from "../../session/people";
import type { ParticipantId } from "../../wire/types";
import { SIGNS, type Sign } from "../../wire/chat-actions";
import { useSession } from "../visit/context";
import type { LineActions } from "./use-line-actions";

interface SignsProps {
  readonly entry: Entry;
  readonly signs: NonNullable<Entry["signs"]>;
  readonly actions: LineActions;
}

/** Names listed before "and more". */
const MAX_NAMES = 5;

/** The signs under a line; a press puts one's own there or takes it back. */
export function Signs({ entry, signs, actions }: SignsProps) {
  const may = actions.rights(entry).sign;
  const put = SIGNS.filter((sign) => (signs.get(sign)?.length ?? 0) > 0);
  if (put.length === 0) return null;
  return (
    <div className="signs">
      {put.map((sign) => (
        <SignButton
          key={sign}
          sign={sign}
          who={signs.get(sign) ?? []}
          may={may}
          onPress={() => actions.sign(entry, sign)}
        />
      ))}
    </div>
  );
}

interface SignButtonProps {
  readonly sign: Sign;
  readonly who: readonly ParticipantId[];
  readonly may: boolean;
  readonly onPress: () => void;
}

function SignButton({ sign, who, may, onPress }: SignButtonProps) {
  const { t } = useTranslation();
  const session = useSession();
  const me = session.me();
  const nameIn = (people: People) => (id: ParticipantId) =>
    id === me ? t("chat.you") : (people.get(id)?.name ?? id);
  // As one text: what else happens to these people changes nothing here.
  const listed = useSelected(session.people, (people) =>
    who.slice(0, MAX_NAMES).map(nameIn(people)).join(", "),
  );
  return (
    <button
      type="button"
      className="sign"
      aria-pressed={me !== null && who.includes(me)}
      aria-disabled={!may}
      aria-label={`${t(`chat.sign.${sign}`)}: ${who.length}. ${listed}`}
      title={who.length > MAX_NAMES ? `${listed}, …` : listed}
      onClick={() => may && onPress()}
    >
      <Emoji sign={sign} />
      <span className="tabular">{who.length}</span>
    </button>
  );
}
