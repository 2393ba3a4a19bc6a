import { useEffect } from "react";
import { useSession } from "../visit/context";

/** What stands in an open panel is read only while the page itself can be seen. */
export function useChatVisible(open: boolean): void {
  const { chat } = useSession();
  useEffect(() => {
    const look = () => chat.setVisible(open && !document.hidden);
    look();
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [chat, open]);
}
