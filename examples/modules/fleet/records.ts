import { defineEntity, field } from 'tutti';

/** A company car. */
export const vehicle = defineEntity('vehicle', {
  plate: field.code(),
  /** Code of the company that owns it. */
  company: field.code(),
  insuredUntil: field.date(),
  status: field.oneOf('in_use', 'sold'),
});

declare module 'tutti' {
  interface Entities {
    vehicle: typeof vehicle;
  }
}
