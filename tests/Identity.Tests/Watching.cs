using System.Collections.Concurrent;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Logging;
using OpsPlatform.Identity.Demo;
using OpsPlatform.Identity.Users;

namespace OpsPlatform.Identity.Tests;

/// <summary>The real hasher; it tells whose passwords were checked, and breaks when it is first used for the demo organisation.</summary>
internal sealed class WatchedHasher : PasswordHasher<User>
{
    public const string Broken = "The hasher is broken for once.";

    private readonly ConcurrentDictionary<string, int> checks = new();
    private int demos;

    public int Checks(string email) => checks.GetValueOrDefault(email);

    public override string HashPassword(User user, string password) =>
        user.Email == DemoOrganisation.Email && Interlocked.Increment(ref demos) == 1
            ? throw new InvalidOperationException(Broken)
            : base.HashPassword(user, password);

    public override PasswordVerificationResult VerifyHashedPassword(User user, string hashedPassword, string providedPassword)
    {
        checks.AddOrUpdate(user.Email!, 1, (_, count) => count + 1);

        return base.VerifyHashedPassword(user, hashedPassword, providedPassword);
    }
}

/// <summary>Keeps what was logged with an exception.</summary>
internal sealed class WatchedLog : ILoggerProvider
{
    private readonly ConcurrentQueue<(string Category, Exception Exception)> entries = new();

    public IEnumerable<Exception> Of<T>() => entries.Where(entry => entry.Category == typeof(T).FullName).Select(entry => entry.Exception);

    public ILogger CreateLogger(string categoryName) => new Logger(categoryName, entries);

    public void Dispose()
    {
    }

    private sealed class Logger(string category, ConcurrentQueue<(string Category, Exception Exception)> entries) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (exception is not null)
            {
                entries.Enqueue((category, exception));
            }
        }
    }
}
