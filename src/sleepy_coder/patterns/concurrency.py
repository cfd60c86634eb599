"""Mistakes with values that threads share."""

from __future__ import annotations

from sleepy_coder.patterns.pattern import Pattern

PATTERNS = (
    Pattern(
        name="not_send",
        family="concurrency",
        error_code="E0277",
        description="Something that must stay on one thread is sent to another.",
        hint=(
            "Use the thread-safe type: Arc for Rc, Mutex or RwLock for RefCell and Cell, `Box<dyn "
            "Trait + Send>` for a boxed trait."
        ),
    ),
    Pattern(
        name="thread_closure_move",
        family="concurrency",
        error_code="E0373",
        description="A thread's closure borrows a local variable of the function that starts it.",
        hint="Write `thread::spawn(move || …)`; clone what is needed afterwards.",
    ),
    Pattern(
        name="mutex_needed",
        family="concurrency",
        error_code="E0596",
        description="A value inside an Arc is changed without a lock.",
        hint=(
            "Wrap the value in a Mutex, `Arc::new(Mutex::new(value))`, and change it through "
            "`.lock().unwrap()`."
        ),
    ),
)
