/** Pictures of the server's operator to be seen in front of. */
export interface HousePicture {
  readonly label: string;
  readonly address: string;
}

/** More than the server has. */
const MAX_PICTURES = 100;
const MAX_LABEL = 200;
const TIMEOUT_MS = 15_000;
const ADDRESS = /^\/backgrounds\/[0-9a-f]{32}\.(?:jpg|png|webp)$/u;

/** Whether it is the address of such a picture; it may be gone by now. */
export const isHousePicture = (address: string): boolean => ADDRESS.test(address);

function pictureIn(entry: unknown): HousePicture[] {
  if (typeof entry !== "object" || entry === null) return [];
  const { label, address } = entry as Record<string, unknown>;
  if (typeof label !== "string" || typeof address !== "string") return [];
  return isHousePicture(address) ? [{ label: label.slice(0, MAX_LABEL), address }] : [];
}

/** From the server's answer, whatever it is. */
export function readHousePictures(answer: unknown): readonly HousePicture[] {
  if (typeof answer !== "object" || answer === null) return [];
  const { pictures } = answer as Record<string, unknown>;
  return Array.isArray(pictures) ? pictures.slice(0, MAX_PICTURES).flatMap(pictureIn) : [];
}

/** None where the server has none, or cannot be asked: the others are there all the same. */
export async function fetchHousePictures(): Promise<readonly HousePicture[]> {
  try {
    const answer = await fetch("/backgrounds", { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return answer.ok ? readHousePictures(await answer.json()) : [];
  } catch {
    return [];
  }
}
