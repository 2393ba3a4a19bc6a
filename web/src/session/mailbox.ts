/** News for somebody who is not there yet: kept in order until they listen, then handed on at once. */
export interface Mailbox<T> {
  put(news: T): void;
  /** One listener at a time. Returns the way to stop. */
  listen(hear: (news: T) => void): () => void;
}

/** More than comes while the meeting is being loaded; the oldest fall away. */
const MAX_KEPT = 500;

export function createMailbox<T>(): Mailbox<T> {
  let kept: T[] = [];
  let listener: ((news: T) => void) | null = null;
  return {
    put(news) {
      if (listener) listener(news);
      else kept = [...kept, news].slice(-MAX_KEPT);
    },
    listen(hear) {
      listener = hear;
      const waiting = kept;
      kept = [];
      for (const news of waiting) hear(news);
      return () => {
        if (listener === hear) listener = null;
      };
    },
  };
}
