/** Does one thing after the other, in the order asked. What fails holds up nothing behind it. */
export type InTurn = (work: () => Promise<void>) => Promise<void>;

export function createInTurn(): InTurn {
  let last: Promise<void> = Promise.resolve();
  return (work) => {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  };
}
