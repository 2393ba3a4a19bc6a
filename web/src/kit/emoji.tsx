import "./emoji.css";
import pictures from "virtual:emoji";
import type { Sign } from "../../emoji.ts";

/** A sign as everybody sees it alike. What it means is said by whoever shows it. */
export function Emoji({ sign }: { readonly sign: Sign }) {
  return <img className="emoji" src={pictures[sign]} alt="" draggable={false} />;
}
