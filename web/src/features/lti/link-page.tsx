import { CircleAlert, Link } from "lucide-react";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { TextField } from "../../kit/field";
import { post, problemOf, type LtiProblem } from "./api";
import type { LinkSubject } from "./subject";

type Room = "course" | "new";

/** The choice goes to the server, and its signed answer back to the platform as a form. */
async function choose(token: string, room: Room, title: string): Promise<void> {
  const { status, fields } = await post("/lti/v1p3/link", { token, room, title });
  const { return_url: address, jwt } = fields;
  if (status !== 200 || typeof address !== "string" || typeof jwt !== "string") {
    throw new Error("no link was made");
  }
  const form = document.createElement("form");
  form.method = "post";
  form.action = address;
  const field = document.createElement("input");
  field.type = "hidden";
  field.name = "JWT";
  field.value = jwt;
  form.append(field);
  document.body.append(form);
  form.submit();
}

/** A teacher makes a link in the course and says which room it leads to. */
export function LinkPage({ about }: { readonly about: LinkSubject }) {
  const { t } = useTranslation();
  const [room, setRoom] = useState<Room>("course");
  const [title, setTitle] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<LtiProblem | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await choose(about.token, room, title.trim());
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  return (
    <section className="card front-card lti-card" aria-labelledby="lti-title">
      <h1 id="lti-title">{t("lti.link.heading")}</h1>
      <p className="muted">{t("lti.link.lead", { course: `\u2068${about.course}\u2069` })}</p>
      <form className="lti-form" onSubmit={(event) => void submit(event)}>
        <fieldset className="lti-choices">
          <legend className="visually-hidden">{t("lti.link.heading")}</legend>
          <RoomChoice room="course" chosen={room} onChoose={setRoom} />
          <RoomChoice room="new" chosen={room} onChoose={setRoom} />
        </fieldset>
        <TextField
          label={t("lti.link.title")}
          placeholder={about.course}
          value={title}
          onChange={(event) => setTitle(event.target.value)}
          autoComplete="off"
          maxLength={200}
          dir="auto"
        />
        {problem !== null && (
          <p className="problem" role="alert">
            <CircleAlert className="icon" aria-hidden="true" />
            {t(`lti.error.${problem}`)}
          </p>
        )}
        <button type="submit" className="button button-primary button-wide" disabled={busy}>
          <Link className="icon" aria-hidden="true" />
          {t(busy ? "front.busy" : "lti.link.make")}
        </button>
      </form>
    </section>
  );
}

interface RoomChoiceProps {
  readonly room: Room;
  readonly chosen: Room;
  readonly onChoose: (room: Room) => void;
}

function RoomChoice({ room, chosen, onChoose }: RoomChoiceProps) {
  const { t } = useTranslation();
  return (
    <label className="lti-choice">
      <input type="radio" name="room" checked={room === chosen} onChange={() => onChoose(room)} />
      <span>
        {t(`lti.link.${room}`)}
        <span className="muted">{t(`lti.link.${room}Lead`)}</span>
      </span>
    </label>
  );
}
