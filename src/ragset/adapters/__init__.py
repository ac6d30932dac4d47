"""Third-party SDKs, one file per foreign thing, each imported lazily."""
