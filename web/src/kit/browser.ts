export type Browser = "Chromium" | "Firefox" | "Safari";

/** Whose explanation fits; the places to click differ. */
export function browserOf(userAgent: string): Browser {
  if (/firefox|fxios/iu.test(userAgent)) return "Firefox";
  if (/safari/iu.test(userAgent) && !/chrom|edg|android/iu.test(userAgent)) return "Safari";
  return "Chromium";
}
