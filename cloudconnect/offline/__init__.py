"""Giving a store back while no daemon serves it: from a backup, or from its packs alone."""

from cloudconnect.offline.recovering import recover_from_packs
from cloudconnect.offline.restoring import restore_backup
from cloudconnect.storage.shares import Share
from cloudconnect.storage.slots import RecoverySlot, Slot

__all__ = ["RecoverySlot", "Share", "Slot", "recover_from_packs", "restore_backup"]
