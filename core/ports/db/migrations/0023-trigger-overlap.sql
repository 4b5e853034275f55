-- By which overlap a trigger was decided, so that its key is not taken for another request; null of other slots, and of triggers before this.
ALTER TABLE tutti.schedule_slot ADD COLUMN overlap text;
