using System.Net.Sockets;
using Npgsql;
using OpsPlatform.ServiceDefaults.Database;
using RabbitMQ.Client.Exceptions;

namespace OpsPlatform.ServiceDefaults.Tests;

public sealed class FaultTests
{
    [Fact]
    public async Task A_database_that_cannot_be_reached_is_away()
    {
        await using var nowhere = NpgsqlDataSource.Create("Host=127.0.0.1;Port=9;Username=nobody;Timeout=1");
        var refused = await Should.ThrowAsync<NpgsqlException>(async () => await nowhere.OpenConnectionAsync());
        Faults.IsDatabaseAway(refused).ShouldBeTrue();
        // What the runtime notes of everything that is thrown there tells its bare timeouts from those of others.
        refused.Source.ShouldBe("Npgsql");
        Faults.IsDatabaseAway(new InvalidOperationException("", new TimeoutException { Source = "Npgsql" })).ShouldBeTrue();
    }

    [Fact]
    public void A_neighbour_or_a_broker_that_cannot_be_reached_is_no_database_that_is_away()
    {
        var refused = new SocketException((int)SocketError.ConnectionRefused);
        Faults.IsDatabaseAway(new HttpRequestException("", refused)).ShouldBeFalse();
        Faults.IsDatabaseAway(new BrokerUnreachableException(refused)).ShouldBeFalse();
        Faults.IsDatabaseAway(new TaskCanceledException("", new TimeoutException())).ShouldBeFalse();
    }
}
