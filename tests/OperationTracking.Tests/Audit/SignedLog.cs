using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using OpsPlatform.OperationTracking.Checkpoints;

namespace OpsPlatform.OperationTracking.Tests.Audit;

/// <summary>Keeps the values of what is logged of checkpoints.</summary>
internal sealed class SignedLog : ILoggerProvider
{
    private readonly ConcurrentQueue<(LogLevel Level, IReadOnlyDictionary<string, object?> Values)> _lines = new();

    public IEnumerable<(LogLevel Level, IReadOnlyDictionary<string, object?> Values)> Of(Guid org) => _lines.Where(line => org.Equals(line.Values.GetValueOrDefault("Org")));

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName == typeof(SignCheckpoints).FullName);

    public void Dispose()
    {
    }

    private sealed class Logger(SignedLog log, bool isKept) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => isKept;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (isKept && state is IEnumerable<KeyValuePair<string, object?>> values)
            {
                log._lines.Enqueue((logLevel, values.ToDictionary()));
            }
        }
    }
}
