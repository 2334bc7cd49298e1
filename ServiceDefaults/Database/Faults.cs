using Npgsql;

namespace OpsPlatform.ServiceDefaults.Database;

/// <summary>Tells a database that is away from a statement that is wrong.</summary>
public static class Faults
{
    private const string IdleInTransactionTimeout = "25P03";

    /// <returns>The SQLSTATE at the bottom of the exception, or null.</returns>
    public static string? SqlState(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException)
        {
            if (exception is PostgresException postgres)
            {
                return postgres.SqlState;
            }
        }

        return null;
    }

    /// <returns>True when trying the same again later can succeed: the connection, the server or the moment is at fault.</returns>
    public static bool IsTransient(Exception exception) =>
        IsDatabaseAway(exception) || SqlState(exception) is PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected
            or PostgresErrorCodes.LockNotAvailable;

    public static bool IsDatabaseAway(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException)
        {
            switch (exception)
            {
                case PostgresException postgres:
                    return postgres.SqlState is PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown
                        or PostgresErrorCodes.CannotConnectNow or PostgresErrorCodes.TooManyConnections
                        or IdleInTransactionTimeout
                        || postgres.SqlState.StartsWith("08", StringComparison.Ordinal);
                // Bare when a name is not resolved in time; any other timeout or socket is a neighbour's or the broker's.
                case NpgsqlException or TimeoutException { Source: "Npgsql" }:
                    return true;
            }
        }

        return false;
    }
}
