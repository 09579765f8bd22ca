// How far a spectrum is processed: raw counts; counts per second without dark signal and nonlinearity; radiance or
// irradiance by a calibration; reflectance of the target.

export const LEVELS = ["counts", "corrected", "radiance", "reflectance"] as const;

export type Level = (typeof LEVELS)[number];
