namespace OpsPlatform.Testing;

/// <summary>Waits for what must become true, by looking again and again until a deadline.</summary>
public static class Eventually
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    /// <exception cref="TimeoutException">It did not become true in time; the last value looked at is named.</exception>
    public static async Task<T> Is<T>(Func<Task<T>> look, Func<T, bool> holds, TimeSpan? patience = null)
    {
        var deadline = DateTime.UtcNow + (patience ?? Patience);
        while (true)
        {
            var value = await look();
            if (holds(value))
            {
                return value;
            }

            if (DateTime.UtcNow > deadline)
            {
                throw new TimeoutException($"It never became true; last seen: {value}");
            }

            await Task.Delay(Interval);
        }
    }

    public static Task Is(Func<Task<bool>> holds, TimeSpan? patience = null) => Is(holds, value => value, patience);
}
